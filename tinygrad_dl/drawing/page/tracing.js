/** The way of the node under the pointer, or in focus: all that it was made from, and all that was made from it. */

import { nodeOf, readersOf } from "./data.js";
import { byId } from "./dom.js";
import { edgesOf, elementsOf, membersOf, root } from "./picture.js";

const stage = byId("stage");
let traced = null; // the element whose way is shown
let marked = [];

/** Forget the way: the picture is a new one. */
export function reset() {
  traced = null;
  marked = [];
}

/** All ends that `next` leads to from some nodes, step by step, with the elements of the edges on the way. */
function way(ids, next, edgesBetween) {
  const seen = new Set(ids);
  const edges = new Set();
  const waiting = [...ids];
  while (waiting.length) {
    const id = waiting.pop();
    for (const end of next(id)) {
      for (const edge of edgesBetween(id, end)) {
        edges.add(edge);
      }
      if (!seen.has(end.node)) {
        seen.add(end.node);
        waiting.push(end.node);
      }
    }
  }
  const own = [...seen].flatMap((id) => [...elementsOf(id), ...edgesOf(id)]);
  return [...own, ...edges];
}

function show(found) {
  if (found === traced) {
    return;
  }
  traced = found;
  for (const element of marked) {
    element.classList.remove("before", "after");
  }
  root()?.classList.toggle("tracing", found !== null);
  const ids = found ? membersOf(found) : [];
  const before = way(
    ids,
    (id) => nodeOf(id).operands,
    (id, { node, argnum }) => edgesOf(node, id, argnum),
  );
  const after = way(ids, readersOf, (id, { node, argnum }) => edgesOf(id, node, argnum));
  marked = found ? [...before, ...after] : [];
  if (found) {
    for (const element of before) {
      element.classList.add("before");
    }
    for (const element of after) {
      element.classList.add("after");
    }
  }
}

/** Listen to the pointer; what a finger touches is picked, not traced. */
export function listen() {
  stage.addEventListener("pointerover", (event) => {
    show(event.pointerType === "mouse" && !event.buttons ? event.target.closest("[data-node]") : null);
  });
  stage.addEventListener("pointerleave", () => show(null));
}
