/** An array to look at: a table tinted by size, statistics, a histogram. */

import { drawn, element } from "./dom.js";
import { count, cut, number, percent, shape } from "./format.js";

const SMALL = 64; // numbers, up to which a table says it all

/** All there is to see of an array. */
export function fullView(values, name) {
  if (values.size <= 1) {
    return [table(values, name)];
  }
  return [table(values, name), statistics(values), histogram(values, name)];
}

/** The numbers if they are few; else what they are like, with the first of them to unfold. */
export function shortView(values, name) {
  if (values.size <= SMALL) {
    return [table(values, name)];
  }
  const folded = element("details", { class: "numbers" }, element("summary", {}, "Numbers"), table(values, name));
  return [statistics(values), folded];
}

/** Smallest, mean, largest, norm, zeros, and what is not finite. */
export function statistics(values) {
  const facts = [
    ["smallest", number(values.min)],
    ["mean", number(values.mean)],
    ["largest", number(values.max)],
    ["norm", number(values.norm)],
    ["zeros", percent(values.zeros)],
  ].filter(([, text]) => text !== "null");
  if (values.bad) {
    facts.push(["not finite", `${values.bad} of ${values.size}`]);
  }
  const pairs = facts.map(([term, text]) => element("div", {}, element("dt", {}, term), element("dd", {}, text)));
  return element("dl", { class: values.bad ? "statistics bad" : "statistics" }, pairs);
}

/** The numbers, or the first of them, row by row. */
export function table(values, name) {
  const blocks = values.blocks.flatMap((block) => grid(values, block, `${cut(name)}${block.at}`));
  const words = !values.blocks.length
    ? element(
        "p",
        { class: "note" },
        values.size ? "Its numbers are left out, so that the page stays small." : "Empty.",
      )
    : values.cut && element("p", { class: "note" }, `${shown(values)}; the rest is left out.`);
  return element("div", {}, blocks, words || null);
}

function shown(values) {
  const rows = values.blocks[0].rows;
  const numbers = values.blocks.reduce((sum, block) => sum + block.rows.reduce((n, row) => n + row.length, 0), 0);
  if (values.shape.length === 2) {
    const [height, width] = values.shape;
    const parts = [
      [rows.length, height, "row"],
      [rows[0].length, width, "column"],
    ].filter(([some, all]) => some < all);
    return `The first ${parts.map(([some, all, noun]) => `${some} of ${count(all, noun)}`).join(" and ")}`;
  }
  return `${numbers} of ${values.size} numbers`;
}

function grid(values, block, caption) {
  const most = values.largest || 1;
  const flat = values.shape.length < 2;
  const head = block.rows[0].map((_, column) => element("th", { scope: "col" }, String(column)));
  const rows = block.rows.map((row, at) =>
    element(
      "tr",
      {},
      flat ? null : element("th", { scope: "row" }, String(at)),
      row.map((value) => cell(value, most)),
    ),
  );
  const corner = flat ? null : element("td", {});
  const body = element("tbody", {}, rows);
  const heading = values.shape.length === 0 ? null : element("thead", {}, element("tr", {}, corner, head));
  const text = `${caption}, shape ${shape(values.shape)}`;
  const scroll = { class: "scroll", tabindex: "0", role: "group", "aria-label": `Numbers of ${caption}` };
  return [
    element("p", { class: "caption", "aria-hidden": "true" }, text),
    element("div", scroll, element("table", { class: "heat", "aria-label": text }, heading, body)),
  ];
}

function cell(value, most) {
  const finite = typeof value === "number";
  const broken = /nan|inf/i.test(String(value)) ? "word" : "complex";
  const kind = finite ? (value < 0 ? "negative" : "positive") : broken;
  const made = element("td", { class: kind, title: String(value) }, number(value));
  if (finite && value !== 0) {
    made.style.setProperty("--heat", Math.min(1, Math.abs(value) / most).toFixed(3));
  }
  return made;
}

/** How the values are spread, as bars; null where there are too few. */
function histogram(values, name) {
  if (!values.histogram) {
    return null;
  }
  const { from, to, counts } = values.histogram;
  const highest = Math.max(...counts);
  const width = 100 / counts.length;
  const bars = counts.map((amount, place) => {
    const height = (amount / highest) * 38;
    const range = [place, place + 1].map((edge) => number(from + ((to - from) * edge) / counts.length));
    const size = { x: place * width + 0.3, y: 40 - height, width: width - 0.6, height };
    return drawn("rect", size, drawn("title", {}, `${amount} from ${range[0]} to ${range[1]}`));
  });
  const label = `Histogram of ${cut(name)}: ${counts.length} bins from ${number(from)} to ${number(to)}, at most ${highest} in one`;
  const svg = drawn(
    "svg",
    { viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img", "aria-label": label },
    bars,
  );
  const ends = element("div", { class: "ends" }, element("span", {}, number(from)), element("span", {}, number(to)));
  return element("div", { class: "histogram" }, svg, ends);
}
