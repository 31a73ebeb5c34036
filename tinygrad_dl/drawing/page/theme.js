/** Light or dark: as the system has it, until the reader says otherwise. */

import { byId } from "./dom.js";

const root = document.documentElement;
const system = window.matchMedia("(prefers-color-scheme: dark)");
const button = byId("theme");

function show() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  button.setAttribute("aria-pressed", String(dark));
}

/** Listen to the button and to the system. */
export function listen() {
  button.addEventListener("click", () => {
    root.dataset.theme = button.getAttribute("aria-pressed") === "true" ? "light" : "dark";
    show();
  });
  system.addEventListener("change", show);
  show();
}
