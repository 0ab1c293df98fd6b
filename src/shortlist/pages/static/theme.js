// Light and dark: the system's choice until the reader makes one. Runs before the first paint, so that nothing flashes.
const root = document.documentElement;
const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
try { root.dataset.theme = localStorage.getItem("theme") || ""; } catch { /* storage is switched off */ }

addEventListener("DOMContentLoaded", () => {
  const button = document.querySelector("[data-theme-toggle]");
  const show = () => button.setAttribute("aria-pressed", String(dark()));
  button.hidden = false;
  show();
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* storage is switched off */ }
    show();
  });
});
