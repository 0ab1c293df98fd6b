// <live-widget>: sends its form to the engine, shows the answer, keeps the state in the URL's hash.
// In a static copy there is no engine: the nearest of the states that were computed beforehand takes its place.
function hashState() {
  return new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
}

class LiveWidget extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.view = this.querySelector("[data-view]");
    this.copy = globalThis.bakedWidgets?.[this.id];
    this.form.addEventListener("input", () => this.refresh());
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.refresh(); });
    if (this.restore()) this.refresh();
  }

  restore() {
    // A permalink's query names a state; what the reader did since then is in the hash.
    const asked = new URLSearchParams(location.search);
    const saved = new URLSearchParams([...asked, ...hashState()]);
    const mine = [...this.form.elements].filter((field) => field.name && saved.has(field.name));
    for (const field of mine) {
      const value = saved.getAll(field.name).at(-1);
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
    }
    if (mine.some((field) => asked.has(field.name))) this.querySelector("details").open = true;
    return mine.length > 0;
  }

  nearest(name, value) {
    return this.copy.grid[name].reduce((best, held) => (Math.abs(held - value) < Math.abs(best - value) ? held : best));
  }

  baked(state) {
    const [view, right] = this.copy.states[Object.keys(this.copy.grid).map((name) => this.nearest(name, state.get(name)))];
    const guess = state.get(`${this.id}.guess`);
    return guess ? view.replace("<p>", () => `<p>${this.copy.verdicts[guess][Number(guess === right)]}`) : view;
  }

  async ask(state) {
    if (this.copy) return this.baked(state);
    const answer = await fetch(`${this.dataset.src}?${state}`).catch(() => null);
    return answer ? answer.text() : "<p>The server does not answer.</p>";
  }

  async refresh() {
    for (const slider of this.form.querySelectorAll("input[type=range]"))
      slider.nextElementSibling.textContent = this.copy ? this.nearest(slider.name, slider.value) : slider.value;
    if (this.form.querySelector(".guess :checked")) this.querySelector("details").open = true;
    this.stale = true;
    if (this.busy) return; // the loop below sends the latest state once the answer in flight is there
    this.busy = true;
    this.view.setAttribute("aria-busy", "true");
    while (this.stale) {
      this.stale = false;
      const state = new URLSearchParams(new FormData(this.form));
      const hash = hashState();
      state.forEach((value, name) => hash.set(name, value));
      history.replaceState(null, "", `#${hash}`);
      const answer = await this.ask(state);
      if (!this.stale) this.view.innerHTML = answer;
    }
    this.view.setAttribute("aria-busy", "false");
    this.querySelector("[role=status]").textContent = this.view.querySelector(".verdict")?.textContent ?? "";
    this.busy = false;
  }
}
customElements.define("live-widget", LiveWidget);
