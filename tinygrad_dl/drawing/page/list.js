/** The steps as a list, where there is no picture. */

import { nodeOf, note, steps } from "./data.js";
import { byId, element } from "./dom.js";
import { cut } from "./format.js";

const items = [];
let shown = null;

/** Put the list in the place of the picture; `onPick` is told which step was picked. */
export function mount(onPick) {
  const stage = byId("stage");
  document.body.classList.add("without-picture");
  stage.setAttribute("aria-label", "The steps");
  for (const [place, step] of steps.entries()) {
    const button = element("button", { type: "button", onclick: () => onPick(place) }, words(step));
    items.push(element("li", { class: step.phase }, button));
  }
  stage.replaceChildren(element("p", { class: "note" }, note), element("ol", {}, items));
}

function words(step) {
  if (step.phase === "start") {
    return "What is given";
  }
  if (step.phase === "forward") {
    return cut(nodeOf(step.node).expression, 100);
  }
  if (step.phase === "seed") {
    return cut(`${step.name} = 1`, 100);
  }
  return cut(step.contributions.map((part) => part.line).join("; ") || `${step.name} ends here`, 200);
}

/** Mark a step as the one that is shown. */
export function showStep(place) {
  shown?.removeAttribute("aria-current");
  shown = items[place];
  shown.setAttribute("aria-current", "step");
  shown.scrollIntoView({ block: "nearest" });
}
