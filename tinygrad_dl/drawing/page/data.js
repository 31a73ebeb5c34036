/** The data of the page, which `contents.py` wrote: nodes, steps, pictures, arrays. Nothing here changes them. */

const contents = JSON.parse(document.getElementById("contents").textContent);

export const title = contents.title;
export const note = contents.note;
export const pictures = contents.pictures;
export const nodes = contents.nodes;
export const steps = contents.steps;
export const convention = contents.convention;

const found = new Map(nodes.map((node) => [node.id, node]));
const readers = new Map(nodes.map((node) => [node.id, []]));
for (const node of nodes) {
  for (const operand of node.operands) {
    readers.get(operand.node).push({ node: node.id, argnum: operand.argnum });
  }
}

/** The node with this id. */
export function nodeOf(id) {
  return found.get(id);
}

/** Which operations read what the node computed. */
export function readersOf(id) {
  return readers.get(id);
}

/** An array's shape, statistics and numbers, by its place in the table; null where there is none. */
export function valuesAt(place) {
  return place === null || place === undefined ? null : contents.arrays[place];
}

/** How many of the steps belong to a phase. */
export const counts = { forward: 0, backward: 0, start: 0, seed: 0 };
for (const step of steps) {
  counts[step.phase] += 1;
  step.ordinal = counts[step.phase];
}
