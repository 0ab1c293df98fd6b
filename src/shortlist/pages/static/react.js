// A click on an item without leaving the page: the button's form is sent, and the page that comes back takes its place.
addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-react]");
  if (!form) return;
  event.preventDefault();
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (!answer || !answer.ok) { form.submit(); return; }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceWith(fresh.querySelector("main"));
  history.replaceState(null, "", answer.url);
  document.querySelector("main").focus({ preventScroll: true });
});
