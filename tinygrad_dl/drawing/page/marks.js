/** Steps in the picture: what has been reached, and what is going on. Only what changed is touched. */

import { nodeOf, nodes, steps } from "./data.js";
import { roam } from "./picking.js";
import { edgesOf, elementsOf, root, takers } from "./picture.js";
import { keepInView } from "./view.js";

const counts = new Map(); // element -> by how many nodes or edges it was reached, and returned to
let shown = -1; // up to which step the marks are
let now = []; // what is marked as going on: [element, class]

/** Forget the marks: the picture is a new one. */
export function reset() {
  counts.clear();
  shown = -1;
  now = [];
}

/** Mark what is done up to a step, and what is done in it. */
export function showStep(place) {
  for (const [found, mark] of now) {
    found.classList.remove(mark);
  }
  for (let at = shown + 1; at <= place; at += 1) {
    count(steps[at], 1);
  }
  for (let at = shown; at > place; at -= 1) {
    count(steps[at], -1);
  }
  shown = place;
  const step = steps[place];
  const back = step.phase === "backward" || step.phase === "seed";
  root().classList.toggle("back", back);
  now = marked(step);
  for (const [found, mark] of now) {
    found.classList.add(mark);
  }
  roam(elementsOf(step.node ?? nodes[0].id)[0]);
  const seen = now.filter(([found]) => found.classList.contains("node")).map(([found]) => found);
  keepInView(seen);
}

/** What a step reaches for good: [element, "reached"] forward, [element, "returned"] backward. */
function reachedBy(step) {
  if (step.phase === "start") {
    return step.given.flatMap((id) => elementsOf(id).map((found) => [found, "reached"]));
  }
  if (step.phase === "forward") {
    const read = nodeOf(step.node).operands.flatMap(({ node, argnum }) => edgesOf(node, step.node, argnum));
    return [...elementsOf(step.node), ...edgesOf(step.node), ...read].map((found) => [found, "reached"]);
  }
  const left = (step.contributions ?? []).flatMap(({ to, argnum }) => {
    const edges = edgesOf(to, step.node, argnum);
    return [...takers(to, edges), ...edgesOf(to), ...edges];
  });
  return [...elementsOf(step.node), ...edgesOf(step.node), ...left].map((found) => [found, "returned"]);
}

function count(step, change) {
  for (const [found, mark] of reachedBy(step)) {
    const times = counts.get(found) ?? { reached: 0, returned: 0 };
    times[mark] += change;
    counts.set(found, times);
    found.classList.toggle(mark, times[mark] > 0);
  }
}

/** What stands out while a step is shown: the operation first, then what it reads or gives to. */
function marked(step) {
  if (!step.node) {
    return [];
  }
  const own = elementsOf(step.node).map((found) => [found, "now"]);
  if (step.phase === "forward") {
    const operands = nodeOf(step.node).operands;
    return [
      ...own,
      ...operands.flatMap(({ node, argnum }) => edgesOf(node, step.node, argnum).map((found) => [found, "reading"])),
    ];
  }
  const given = (step.contributions ?? []).flatMap(({ to, argnum }) => {
    const edges = edgesOf(to, step.node, argnum);
    return [...edges.map((found) => [found, "giving"]), ...takers(to, edges).map((found) => [found, "receiving"])];
  });
  return [...own, ...given.filter(([found]) => !own.some(([one]) => one === found))];
}
