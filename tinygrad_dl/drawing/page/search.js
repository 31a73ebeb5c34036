/** Finding a node by its name, operation, shape or place. */

import { nodes } from "./data.js";
import { byId, element } from "./dom.js";
import { cut, shape } from "./format.js";

const MOST = 50; // results to list
const input = byId("search");
const list = byId("results");
const texts = nodes.map((node) => {
  const derivative = node.gradient === null ? "" : `d${node.title}`;
  const words = [
    node.title,
    derivative,
    node.op ?? node.kind,
    node.label,
    shape(node.shape),
    node.scope ?? "",
    node.id,
  ];
  return words.join("\n").toLowerCase();
});
let found = [];
let active = -1;

/** The nodes that have all the words, those whose name it is first. */
export function search(query) {
  const wanted = query.trim().toLowerCase();
  const words = wanted.startsWith("(") ? [wanted] : wanted.split(/\s+/).filter(Boolean);
  const fit = nodes.filter((_, at) => words.length && words.every((word) => texts[at].includes(word)));
  const rank = ({ name, title }) => {
    const own = name === null ? "" : title.toLowerCase();
    return own === wanted || name?.toLowerCase() === wanted ? 0 : own.startsWith(wanted) ? 1 : 2;
  };
  return fit.sort((a, b) => rank(a) - rank(b));
}

function show() {
  found = search(input.value);
  active = found.length ? 0 : -1;
  const open = input.value.trim() !== "";
  const items = found
    .slice(0, MOST)
    .map((node, at) =>
      element(
        "li",
        { role: "option", id: `result-${at}`, "data-at": at },
        element("strong", {}, cut(node.title, 40)),
        ` ${shape(node.shape)} ${cut(node.op ?? node.kind, 30)}`,
      ),
    );
  const rest = found.length > MOST ? `and ${found.length - MOST} more` : found.length ? null : "Nothing has that";
  list.replaceChildren(
    ...items,
    ...(rest ? [element("li", { class: "rest", role: "option", "aria-disabled": "true" }, rest)] : []),
  );
  list.hidden = !open;
  input.setAttribute("aria-expanded", String(open));
  mark();
}

function mark() {
  for (const item of list.querySelectorAll("[data-at]")) {
    const is = Number(item.dataset.at) === active;
    item.setAttribute("aria-selected", String(is));
    if (is) {
      item.scrollIntoView({ block: "nearest" });
    }
  }
  if (active >= 0) {
    input.setAttribute("aria-activedescendant", `result-${active}`);
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

function close() {
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function moved(change) {
  const most = Math.min(found.length, MOST);
  if (most) {
    active = (active + change + most) % most;
    mark();
  }
}

/** Listen to the field; `onFound` is told which node was picked. */
export function listen(onFound) {
  const pick = (at) => {
    if (found[at]) {
      close();
      onFound(found[at].id);
    }
  };
  const keys = {
    ArrowDown: () => moved(1),
    ArrowUp: () => moved(-1),
    Enter: () => pick(active),
    Escape: () => {
      close();
      input.blur();
    },
  };
  input.addEventListener("input", show);
  input.addEventListener("focus", () => input.value && show());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key in keys) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // the field keeps the focus until the click is done
    const item = event.target.closest("[data-at]");
    if (item) {
      pick(Number(item.dataset.at));
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      input.focus();
      input.select();
    }
  });
}
