/** Numbers, shapes and sizes as a reader wants them. */

/** A number with a few digits; nan and inf come as words already, and stay so. */
export function number(value, digits = 4) {
  if (typeof value !== "number") {
    return String(value).replace(/^-/, "−");
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e6) {
    return String(value).replace("-", "−");
  }
  const size = Math.abs(value);
  const text = size < 1e-3 || size >= 1e6 ? value.toExponential(digits - 1) : rounded(value, digits);
  return text.replaceAll("-", "−").replace("e+", "e");
}

function rounded(value, digits) {
  const text = value.toPrecision(digits);
  const plain = text.includes("e") ? String(Number(text)) : text;
  return plain.includes(".") ? plain.replace(/0+$/, "").replace(/\.$/, "") : plain;
}

/** A shape as Python writes it. */
export function shape(lengths) {
  if (lengths === null) {
    return "several arrays";
  }
  return lengths.length === 1 ? `(${lengths[0]},)` : `(${lengths.join(", ")})`;
}

/** How much memory that is. */
export function bytes(count) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let power = 0;
  let amount = count;
  while (amount >= 1000 && power < units.length - 1) {
    amount /= 1000;
    power += 1;
  }
  return `${power ? amount.toPrecision(3) : amount} ${units[power]}`;
}

/** A share of 1 as a percentage. */
export function percent(share) {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

/** "1 part", "3 parts". */
export function count(amount, noun) {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

/** Text cut to a length, for a heading or a list; whoever cuts shows the whole of it elsewhere. */
export function cut(text, most = 60) {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}
