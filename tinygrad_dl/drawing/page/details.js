/** All there is to know about one node: its numbers, its gradient, where it stands in the graph. */

import { nodeOf, readersOf, steps, valuesAt } from "./data.js";
import { byId, element } from "./dom.js";
import { bytes, cut, shape } from "./format.js";
import { derived, formula, link, source } from "./step_panel.js";
import { fullView } from "./values.js";

const panel = byId("details");
const KINDS = { operation: "computed", parameter: "a parameter", data: "data", blocked: "cut off from the graph" };
const STATES = {
  zero: "computed, and zero everywhere",
  blocked: "none: it was cut off from the graph",
  "not needed": "none, and none is needed: it is data",
  "never computed": "never computed: the backward pass does not come here",
  freed: "computed on the way, and not kept",
};

/** Say that no node was chosen yet. */
export function writeNone() {
  const words = "Click a node in the picture, or search for one, to see its numbers and its gradient.";
  panel.replaceChildren(element("p", { class: "hint" }, words));
}

/** Write the details of a node, drawn with `others`; `open` shows another one, `visit` goes to its step in a phase. */
export function write(id, others, open, visit) {
  const node = nodeOf(id);
  const gradient = valuesAt(node.gradient);
  const value = valuesAt(node.value);
  panel.replaceChildren(
    ...[
      element("p", { class: "eyebrow" }, `${KINDS[node.kind]}${node.output ? ", an output" : ""}`),
      element("h2", { class: "name" }, node.title),
      node.expression ? formula(node.expression) : null,
      derived(node),
      element("dl", { class: "facts" }, facts(node)),
      visits(node, visit),
      element("h3", {}, "Value"),
      ...(value ? fullView(value, node.title) : [element("p", {}, "Several arrays, each a node of its own.")]),
      element("h3", {}, "Gradient"),
      node.state === "computed" ? null : element("p", { class: "state" }, `${STATES[node.state]}.`),
      ...(gradient ? fullView(gradient, `d${node.title}`) : []),
      ...neighbours("Reads", node.operands, open),
      ...neighbours("Read by", readersOf(id), open),
      ...neighbours(
        "Drawn in one with",
        others.filter((other) => other !== id).map((node) => ({ node })),
        open,
      ),
      source(node),
      node.kind === "operation" && !node.line
        ? element(
            "p",
            { class: "hint" },
            "Its source line is unknown: record in a block ",
            element("code", {}, "with tg.debug():"),
            " to see lines.",
          )
        : null,
    ].filter(Boolean),
  );
  panel.scrollTop = 0;
}

function facts(node) {
  return [
    ["operation", node.op],
    ["shape", shape(node.shape)],
    ["dtype", node.dtype],
    ["memory", bytes(node.bytes)],
    ["in", node.scope],
    ["cut off by", node.cut],
  ]
    .filter(([, text]) => text)
    .map(([term, text]) => element("div", {}, element("dt", {}, term), element("dd", {}, text)));
}

function visits(node, visit) {
  const phases = ["forward", "backward"].filter((phase) =>
    steps.some((step) => step.node === node.id && step.phase === phase),
  );
  const buttons = phases.map((phase) =>
    element(
      "button",
      { type: "button", class: `visit ${phase}`, onclick: () => visit(node.id, phase) },
      `Its ${phase} step`,
    ),
  );
  return buttons.length ? element("p", { class: "visits" }, buttons) : null;
}

function neighbours(title, others, open) {
  if (!others.length) {
    return [];
  }
  const shown = others.slice(0, 50).map(({ node, broadcast }) => {
    const other = nodeOf(node);
    const words = ` ${shape(other.shape)} ${cut(other.op ?? other.kind, 40)}${broadcast ? `, broadcast from ${broadcast}` : ""}`;
    return element("li", {}, link(node, open), words);
  });
  const rest = others.length > 50 ? element("li", {}, `and ${others.length - 50} more`) : null;
  return [element("h3", {}, title), element("ul", { class: "operands" }, shown, rest)];
}
