/** Light or dark: as the notebook around the page, or else the system, has it, until the reader says otherwise. */

import { byId } from "./dom.js";

const root = document.documentElement;
const system = window.matchMedia("(prefers-color-scheme: dark)");
const button = byId("theme");

/** The theme of the notebook whose frame the page is in, "light" or "dark", if there is one that can be read. */
function themeAround() {
  const host = window.frameElement?.closest("[data-jp-theme-light], [data-vscode-theme-kind], [data-theme]");
  const { jpThemeLight, vscodeThemeKind, theme } = host?.dataset ?? {};
  const words = { true: "light", false: "dark" }[jpThemeLight] ?? vscodeThemeKind ?? theme ?? "";
  return ["light", "dark"].find((each) => words.endsWith(each));
}

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
  const around = themeAround();
  if (around) {
    root.dataset.theme = around;
  }
  show();
}
