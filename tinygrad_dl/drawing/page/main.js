/** The page: its parts, and what each tells the others. */

import { note, pictures, steps, title } from "./data.js";
import * as details from "./details.js";
import { byId, element } from "./dom.js";
import { cut } from "./format.js";
import * as list from "./list.js";
import * as marks from "./marks.js";
import * as picking from "./picking.js";
import * as picture from "./picture.js";
import * as search from "./search.js";
import * as panel from "./step_panel.js";
import * as stepping from "./stepping.js";
import * as theme from "./theme.js";
import * as tracing from "./tracing.js";
import * as view from "./view.js";

const TABS = ["step", "details"];
const drawing = pictures.length ? marks : list;
let chosen = null;

function showTab(wanted) {
  for (const name of TABS) {
    const tab = byId(`tab-${name}`);
    tab.setAttribute("aria-selected", String(name === wanted));
    tab.setAttribute("tabindex", name === wanted ? "0" : "-1");
    byId(name).hidden = name !== wanted;
  }
}

function open(id, move = true) {
  chosen = id;
  picking.showChosen(id, move);
  details.write(id, pictures.length ? picture.drawnWith(id) : [id], open, visit);
  showTab("details");
  const panel = byId("details").parentElement;
  if (panel.getBoundingClientRect().top > 0.75 * window.innerHeight) {
    panel.scrollIntoView(); // it is below the picture, in a narrow window
  }
}

function visit(id, phase) {
  stepping.goToNode(id, phase);
  byId("step").focus();
}

function onStep(place) {
  drawing.showStep(place);
  panel.write(steps[place], open);
  showTab("step");
}

function find(id) {
  open(id, false);
  picking.goTo(id);
}

function mount(place) {
  picture.mount(place);
  picking.reset();
  tracing.reset();
  marks.reset();
}

function onLevel() {
  mount(Number(byId("levels").value));
  marks.showStep(stepping.current());
  picking.showChosen(chosen, false);
}

function tabs() {
  for (const [at, name] of TABS.entries()) {
    const tab = byId(`tab-${name}`);
    tab.addEventListener("click", () => showTab(name));
    tab.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
        event.preventDefault();
        event.stopPropagation();
        const other = TABS[1 - at];
        showTab(other);
        byId(`tab-${other}`).focus();
      }
    });
  }
}

function levels() {
  const select = byId("levels");
  select.replaceChildren(
    ...pictures.map(({ name }, at) => element("option", { value: at }, name)),
    ...(note ? [element("option", { disabled: true }, note)] : []),
  );
  byId("levels-label").hidden = pictures.length + (note ? 1 : 0) < 2 || !pictures.length;
  select.addEventListener("change", onLevel);
}

byId("title").textContent = cut(title, 80);
byId("title").title = title;
tabs();
levels();
theme.listen();
search.listen(find);
stepping.listen(onStep);
details.writeNone();
if (pictures.length) {
  view.listen();
  picking.listen(open);
  tracing.listen();
  mount(0);
} else {
  list.mount(stepping.pickStep);
}
stepping.goToStep(0);
