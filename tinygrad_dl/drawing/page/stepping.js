/** Which step is shown, and what moves it: buttons, the slider, keys, and the clock of autoplay. */

import { counts, nodeOf, steps } from "./data.js";
import { byId } from "./dom.js";
import { cut } from "./format.js";

const slider = byId("slider");
const play = byId("play");
let place = 0;
let clock = null;
let told = () => {};

/** The step that is shown. */
export function current() {
  return place;
}

/** Go to a step, the nearest one there is. */
export function goToStep(wanted) {
  place = Math.min(Math.max(wanted, 0), steps.length - 1);
  slider.value = String(place);
  const words = inWords(place);
  slider.setAttribute("aria-valuetext", words);
  byId("status").textContent = words;
  for (const [id, off] of [
    ["first", place === 0],
    ["previous", place === 0],
    ["next", place === steps.length - 1],
    ["last", place === steps.length - 1],
  ]) {
    byId(id).setAttribute("aria-disabled", String(off)); // not `disabled`, which would lose the focus
  }
  document.body.dataset.phase = steps[place].phase;
  told(place);
}

/** Go to the step in which an operation is gone through, forward or backward. */
export function goToNode(id, phase) {
  pickStep(steps.findIndex((step) => step.node === id && step.phase === phase));
}

/** What a step is, in a line. */
function inWords(at) {
  const step = steps[at];
  const start = `Step ${at + 1} of ${steps.length}`;
  if (step.phase === "start") {
    return `${start}: what is given`;
  }
  const title = cut(nodeOf(step.node).title, 40);
  if (step.phase === "seed") {
    return `${start}: backward starts at ${title}`;
  }
  return `${start}: ${step.phase} ${step.ordinal} of ${counts[step.phase]}, ${through(nodeOf(step.node))}`;
}

function through(node) {
  return node.name ? `${cut(node.op ?? node.label, 40)} of ${cut(node.title, 40)}` : cut(node.label, 40);
}

// ---- autoplay

function halt() {
  clearTimeout(clock);
  clock = null;
  play.setAttribute("aria-label", "Play");
  document.body.classList.remove("playing");
}

function tick() {
  goToStep(place + 1);
  if (place < steps.length - 1) {
    clock = setTimeout(tick, Number(byId("speed").value));
  } else {
    halt();
  }
}

function start() {
  if (place === steps.length - 1) {
    goToStep(0);
  }
  play.setAttribute("aria-label", "Pause");
  document.body.classList.add("playing");
  clock = setTimeout(tick, Number(byId("speed").value) / 3);
}

function toggle() {
  if (clock === null) {
    start();
  } else {
    halt();
  }
}

// ---- listening

function by(change) {
  return () => {
    halt();
    goToStep(change(place));
  };
}

const MOVES = {
  first: by(() => 0),
  previous: by((at) => at - 1),
  next: by((at) => at + 1),
  last: by(() => steps.length - 1),
};
const KEYS = {
  ArrowLeft: MOVES.previous,
  ArrowRight: MOVES.next,
  Home: MOVES.first,
  End: MOVES.last,
  " ": toggle,
};

function keyed(event) {
  const typing = event.target.closest("input, select, textarea");
  const pressing = event.key === " " && event.target.closest("button, summary, a, [role=button]");
  const scrolling = event.key.startsWith("Arrow") && event.target.closest(".scroll");
  const plain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
  if (event.key in KEYS && plain && !typing && !pressing && !scrolling) {
    event.preventDefault();
    KEYS[event.key]();
  }
}

/** Go to a step that the reader picked. */
export function pickStep(wanted) {
  halt();
  goToStep(wanted);
}

/** Listen to everything that moves the step; `onStep` is told where it has got to. */
export function listen(onStep) {
  told = onStep;
  slider.max = String(steps.length - 1);
  const turn = steps.findIndex((step) => step.phase === "seed");
  slider.style.setProperty("--turn", turn < 0 ? "100%" : `${(100 * (turn - 0.5)) / (steps.length - 1)}%`);
  slider.addEventListener("input", () => by(() => Number(slider.value))());
  for (const [id, move] of Object.entries(MOVES)) {
    byId(id).addEventListener("click", move);
  }
  play.addEventListener("click", toggle);
  document.addEventListener("keydown", keyed);
}
