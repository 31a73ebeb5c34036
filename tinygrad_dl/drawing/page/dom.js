/** Making elements. Text goes in as text only, never as markup: a Tensor may have any name. */

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element with `attributes`, and `children`: elements or text; null ones are left out. */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for an element of SVG. */
export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

function filled(target, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") {
      target.addEventListener("click", value);
    } else if (value !== null && value !== undefined && value !== false) {
      target.setAttribute(name, value === true ? "" : value);
    }
  }
  target.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return target;
}
