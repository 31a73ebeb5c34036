/** The picture of the graph: which element stands for which node and edge. */

import { nodeOf, nodes, pictures } from "./data.js";
import { byId, drawn } from "./dom.js";
import { cut, shape } from "./format.js";
import { watch } from "./view.js";

const stage = byId("stage");
const state = {
  svg: null,
  elements: new Map(), // id of a node -> the elements that stand for it, all its copies
  edges: new Map(), // "n1-n3-0" -> its elements
  copies: new Map(), // element of an edge -> the copy of a leaf that it comes from, where there are many
  members: new Map(), // element -> the nodes that it stands for
};

/** Put a picture on the stage, in the place of the one before. */
export function mount(place) {
  for (const table of [state.elements, state.edges, state.copies, state.members]) {
    table.clear();
  }
  const picture = pictures[place];
  const parsed = new DOMParser().parseFromString(picture.svg, "image/svg+xml").documentElement;
  state.svg = document.importNode(parsed, true);
  state.svg.setAttribute("class", "graph");
  state.svg.prepend(arrow());
  state.svg.querySelector("g.graph").append(...state.svg.querySelectorAll(".cluster > text")); // above the edges
  stage.replaceChildren(state.svg);
  index(picture);
  watch(state.svg);
}

/** The head of an arrow against the graph's direction, for the start of an edge. */
function arrow() {
  const head = drawn("path", { d: "M0 0L10 5L0 10z" });
  const place = { refX: 10, refY: 5, markerWidth: 10, markerHeight: 10, markerUnits: "userSpaceOnUse" };
  return drawn("defs", {}, drawn("marker", { id: "backward-arrow", orient: "auto-start-reverse", ...place }, head));
}

function index(picture) {
  const drawnNodes = new Map(); // id of an element without "-value" or "-use-2" -> elements
  for (const found of state.svg.querySelectorAll("g.node")) {
    const id = found.id.replace(/-(value|use-\d+)$/, "");
    drawnNodes
      .set(id, drawnNodes.get(id) ?? [])
      .get(id)
      .push(found);
  }
  for (const node of nodes) {
    const found = drawnNodes.get(picture.of[node.id] ?? node.id) ?? [];
    state.elements.set(node.id, found);
    for (const each of found) {
      state.members
        .set(each, state.members.get(each) ?? [])
        .get(each)
        .push(node.id);
    }
  }
  for (const [each, ids] of state.members) {
    named(each, ids);
  }
  symbols();
  numbers();
  for (const edge of state.svg.querySelectorAll("g.edge")) {
    const copy = picture.tails[edge.id];
    if (copy) {
      state.copies.set(edge, state.svg.getElementById(copy));
    }
    for (const key of picture.edges[edge.id] ?? []) {
      state.edges.set(key, [...(state.edges.get(key) ?? []), edge]);
    }
  }
}

/** An element to click, by the last of the nodes that it stands for: what they compute. */
function named(found, ids) {
  const node = nodeOf(ids[ids.length - 1]);
  found.dataset.node = node.id;
  found.setAttribute("role", "button");
  found.setAttribute("tabindex", "-1");
  const lines = [...found.querySelectorAll("text")].map((line) => line.textContent.replaceAll("\u00a0", " "));
  const one = `${node.title}, ${node.op ?? node.kind}, ${shape(node.shape)}`;
  const words = cut(ids.length === 1 ? one : `${lines.join(", ")}: ${ids.length} nodes in one`, 120);
  found.setAttribute("aria-label", words);
  found.prepend(drawn("title", {}, words)); // for the pointer
}

/** The svg. */
export function root() {
  return state.svg;
}

/** The elements that stand for a node, all its copies. */
export function elementsOf(id) {
  return state.elements.get(id) ?? [];
}

/** All elements that stand for nodes, in the order of the graph. */
export function allElements() {
  return [...state.members.keys()];
}

/** The nodes that an element stands for. */
export function membersOf(found) {
  return state.members.get(found) ?? [];
}

/** The nodes that the picture shows in one with a node: itself, and where parts are summed up, others. */
export function drawnWith(id) {
  return state.members.get(elementsOf(id)[0]) ?? [id];
}

/** The page's names for what has none, where there is room: at the corner of an operation, above a leaf. */
function symbols() {
  const nameless = [...state.members]
    .filter(([found, ids]) => ids.length === 1 && !nodeOf(ids[0]).name && !found.id.endsWith("-value"))
    .map(([found, ids]) => [found, nodeOf(ids[0]), found.querySelector("ellipse, polygon, path").getBBox()]);
  for (const [found, { kind, title }, { x, y, width, height }] of nameless) {
    const corner = { x: x + width - 6, y: y + height + 2 };
    const above = { x: x + width / 2, y: y - 3, "text-anchor": "middle" };
    const place = kind === "operation" ? corner : above;
    found.append(drawn("text", { class: "symbol", "font-size": 9, ...place }, title));
  }
}

/** The number that tells a node from others of its name, behind it in its box. */
function numbers() {
  for (const [found, ids] of state.members) {
    const { name, title } = nodeOf(ids[0]);
    const boxed = found.id.endsWith("-value") || nodeOf(ids[0]).kind !== "operation";
    if (ids.length === 1 && boxed && name !== null && name !== title) {
      const line = found.querySelector("text");
      line?.append(drawn("tspan", { class: "symbol", "font-size": 9 }, title.slice(name.length)));
    }
  }
}

/** Where the gradient of a node arrives over some edges: its box, or the copy of it that they come from. */
export function takers(id, edges) {
  const copies = edges.map((edge) => state.copies.get(edge)).filter(Boolean);
  const all = elementsOf(id);
  const boxes = all.filter((found) => found.id.endsWith("-value"));
  return copies.length ? copies : boxes.length ? boxes : all;
}

/** The elements of an edge; of one from an operation to its own box, by its tail alone. */
export function edgesOf(tail, head, argnum) {
  return state.edges.get(head === undefined ? tail : `${tail}-${head}-${argnum}`) ?? [];
}
