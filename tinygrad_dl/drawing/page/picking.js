/** Picking a node in the picture, by the pointer or by keys, and showing which one is picked. */

import { nodeOf, readersOf, steps } from "./data.js";
import { byId } from "./dom.js";
import { allElements, elementsOf, membersOf } from "./picture.js";
import { current } from "./stepping.js";
import { centre, keepInView, wasDragged } from "./view.js";

const stage = byId("stage");
let chosen = [];
let focused = null; // the one that the Tab key gets to
let told = () => {};

/** Forget what was picked: the picture is a new one. */
export function reset() {
  chosen = [];
  focused = null;
}

/** Mark the node whose details are shown, and bring it into view. */
export function showChosen(id, wanted = true) {
  for (const found of chosen) {
    found.classList.remove("chosen");
  }
  chosen = id === null ? [] : elementsOf(id);
  for (const found of chosen) {
    found.classList.add("chosen");
  }
  if (chosen.length && wanted) {
    keepInView(chosen.slice(0, 1));
  }
}

/** Bring a node to the middle. */
export function goTo(id) {
  const [first] = elementsOf(id);
  if (first) {
    roam(first);
    centre(first);
  }
}

/** Make an element the one that the Tab key gets to: there is one such at a time. */
export function roam(found) {
  if (found?.dataset.node) {
    focused?.setAttribute("tabindex", "-1");
    found.setAttribute("tabindex", "0");
    focused = found;
  }
}

/** Which of the nodes that an element stands for is meant: the one of this step, or else the last. */
function meant(found) {
  const { node } = steps[current()];
  return membersOf(found).includes(node) ? node : found.dataset.node;
}

function clicked(event) {
  const found = event.target.closest("[data-node]");
  if (found && !wasDragged()) {
    roam(found);
    told(meant(found));
  }
}

/** From a node in focus: up to what it was made from, down to what reads it, sideways in the order of the graph. */
function walked(event) {
  const found = event.target.closest("[data-node]");
  if (!found || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  const ids = membersOf(found);
  const all = allElements();
  const first = (ends) => elementsOf(ends.flat().find(({ node }) => !ids.includes(node))?.node)[0];
  const ways = {
    ArrowUp: () => first(ids.map((id) => nodeOf(id).operands)),
    ArrowDown: () => first(ids.map(readersOf)),
    ArrowLeft: () => all[all.indexOf(found) - 1],
    ArrowRight: () => all[all.indexOf(found) + 1],
    Enter: () => told(meant(found)),
    " ": () => told(meant(found)),
    Escape: () => stage.focus(),
  };
  if (!(event.key in ways)) {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  const target = ways[event.key]();
  if (target) {
    roam(target);
    target.focus({ preventScroll: true });
    keepInView([target]);
  }
}

/** Listen to clicks and keys on the nodes; `onPick` is told which one is picked. */
export function listen(onPick) {
  told = onPick;
  stage.addEventListener("click", clicked);
  stage.addEventListener("keydown", walked);
  stage.addEventListener("mousedown", (event) => {
    event.preventDefault(); // a click takes the focus from nothing but a field, so that the keys stay with the steps
    document.activeElement?.closest("input, select")?.blur();
  });
  stage.addEventListener("scroll", () => stage.scrollTo(0, 0)); // what a browser does to show what has the focus
}
