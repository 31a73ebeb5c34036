/** What happens in a step, in words, formulas and numbers. */

import { convention, nodeOf, valuesAt } from "./data.js";
import { byId, element } from "./dom.js";
import { count, cut, shape } from "./format.js";
import { shortView } from "./values.js";

const panel = byId("step");
const WRITERS = { start, forward, seed, backward };

/** Write what a step does; `open` shows the details of a node. */
export function write(step, open) {
  panel.replaceChildren(...WRITERS[step.phase](step, open).filter(Boolean));
  panel.scrollTop = 0;
}

/** A button that reads as a link, to the details of a node. */
export function link(id, open, text = nodeOf(id).title) {
  const whole = nodeOf(id).title;
  const cutText = cut(text, 48);
  return element(
    "button",
    { type: "button", class: "link", title: cutText === text ? null : whole, onclick: () => open(id) },
    cutText,
  );
}

/** A line of code or mathematics. */
export function formula(text, kind = "formula") {
  return element("p", { class: kind }, element("code", {}, text));
}

function eyebrow(text) {
  return element("p", { class: "eyebrow" }, text);
}

function heading(...children) {
  return element("h2", {}, ...children);
}

function plain(...children) {
  return element("p", {}, ...children);
}

function start(step, open) {
  const rows = step.given.map((id) => {
    const node = nodeOf(id);
    const kind = { parameter: "a parameter", data: "data", blocked: "cut off from the graph" }[node.kind] ?? node.kind;
    return element("li", {}, link(id, open), ` ${shape(node.shape)}, ${kind}`);
  });
  return [
    eyebrow("Before the first step"),
    heading("What is given"),
    plain(
      "The forward pass computes everything else from these, one operation at a time, and the backward pass " +
        "returns the same way with derivatives.",
    ),
    element("ul", { class: "given" }, rows),
  ];
}

function forward(step, open) {
  const node = nodeOf(step.node);
  const read = node.operands.map((operand) =>
    element(
      "li",
      {},
      link(operand.node, open),
      ` ${shape(nodeOf(operand.node).shape)}`,
      operand.broadcast ? element("span", { class: "aside" }, ` broadcast from ${operand.broadcast}`) : null,
    ),
  );
  return [
    eyebrow(node.scope ? `Forward, in ${cut(node.scope, 60)}` : "Forward"),
    heading(link(node.id, open), ` is computed by ${cut(node.op ?? node.label)}`),
    formula(node.expression),
    derived(node),
    read.length ? element("h3", {}, "It reads") : null,
    read.length ? element("ul", { class: "operands" }, read) : null,
    element("h3", {}, "It gives"),
    ...(node.value === null ? [plain("Several arrays at once.")] : shortView(valuesAt(node.value), node.title)),
    source(node),
  ];
}

function seed(step, open) {
  const node = nodeOf(step.node);
  return [
    eyebrow("Backward"),
    heading("It starts at ", link(node.id, open)),
    plain(
      `The derivative of ${cut(node.title)} with respect to itself is 1. From here each operation takes the ` +
        "derivative with respect to its result, and gives the derivative with respect to each of its arguments: the " +
        "chain rule, one link at a time.",
    ),
    formula(`${step.name} = 1`),
    ...shortView(valuesAt(step.g), step.name),
    convention ? element("p", { class: "convention" }, convention) : null,
  ];
}

function backward(step, open) {
  const node = nodeOf(step.node);
  const parts = step.contributions.flatMap((contribution) => given(contribution, open));
  return [
    eyebrow(node.scope ? `Backward, in ${cut(node.scope, 60)}` : "Backward"),
    heading(
      "Back through ",
      cut(node.op ?? node.label),
      node.name ? ", which gave " : "",
      node.name ? link(node.id, open) : "",
    ),
    formula(node.expression, "formula was"),
    element("h3", {}, "Arriving: ", element("code", {}, cut(step.name))),
    ...(step.g === null
      ? [plain("The derivatives with respect to its outputs.")]
      : shortView(valuesAt(step.g), step.name)),
    step.contributions.length ? null : plain("None of its arguments needs a gradient: it ends here."),
    ...parts,
    source(node),
  ];
}

function given(part, open) {
  const to = nodeOf(part.to);
  const whole = part.of === 1 || part.arrived === part.of;
  const value = valuesAt(part.value);
  return [
    element("h3", { class: "leaving" }, "To ", link(part.to, open), ` ${shape(to.shape)}`),
    formula(part.line),
    derived(part),
    part.undone ? element("p", { class: "undone" }, part.undone) : null,
    ...(value ? shortView(value, part.of === 1 ? part.name : `part ${part.arrived} of ${part.name}`) : []),
    part.of === 1
      ? null
      : element(
          "p",
          { class: "parts" },
          element("strong", {}, `${part.arrived} of ${count(part.of, "part")}`),
          whole ? ` have arrived: ${cut(part.name)} is complete, their sum` : partial(part),
        ),
    ...(part.arrived > 1 && value
      ? shortView(valuesAt(part.sum), `${part.name}, ${whole ? "the sum" : "so far"}`)
      : []),
  ];
}

function partial(part) {
  return part.arrived === 1 ? " has arrived; the others are to be added" : " have arrived, and add up to";
}

/** The derived line of a node or a gradient, beside the formula that was traced. */
export function derived(line) {
  if (!line.derived) {
    return null;
  }
  const words = line.remark ? element("span", { class: "aside" }, line.remark) : null;
  return element(
    "p",
    { class: "derived" },
    element("span", { class: "label" }, line.week ? `In the course, ${line.week} ` : "Derived "),
    element("code", {}, line.derived),
    words,
  );
}

/** The user's own line, where it is known. */
export function source(node) {
  return node.line
    ? element(
        "p",
        { class: "source" },
        element("span", { class: "label" }, "Your line "),
        element("code", {}, node.line),
      )
    : null;
}
