/** Moving and zooming the picture: one transform of the whole, whatever the size of the graph. */

import { byId } from "./dom.js";

const LEAST = 0.05;
const MOST = 6;
const READABLE = 0.6; // of the natural size: below it, a picture is not shown whole at first
const MARGIN = 12;
const GLIDES = 100; // nodes, up to which the picture glides: a browser paints all of what it moves by a transition

const stage = byId("stage");
const view = { x: 0, y: 0, scale: 1 };
let picture = null; // the svg
let size = { width: 1, height: 1 }; // its natural size
let glides = true;
let dragged = false;

/** Take over a new picture, whose natural size is that of its viewBox, in points. */
export function watch(svg) {
  picture = svg;
  const box = svg.viewBox.baseVal;
  size = { width: (box.width * 4) / 3, height: (box.height * 4) / 3 };
  svg.setAttribute("width", size.width);
  svg.setAttribute("height", size.height);
  glides = svg.querySelectorAll(".node").length <= GLIDES;
  fit(READABLE);
}

/** Show all of the picture, unless it would then be smaller than `least` of its natural size. */
export function fit(least = LEAST) {
  const { clientWidth: width, clientHeight: height } = stage;
  const scale = Math.min((width - 2 * MARGIN) / size.width, (height - 2 * MARGIN) / size.height, 1.25);
  view.scale = Math.max(scale, least, LEAST);
  view.x = (width - size.width * view.scale) / 2;
  view.y = Math.max((height - size.height * view.scale) / 2, size.height * view.scale > height ? MARGIN : 0);
  show();
}

/** Zoom by a factor about a point of the stage, its middle if none is given. */
function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const scale = Math.min(MOST, Math.max(LEAST, view.scale * factor));
  view.x = x - ((x - view.x) * scale) / view.scale;
  view.y = y - ((y - view.y) * scale) / view.scale;
  view.scale = scale;
  show();
}

/** Move the picture by as many pixels. */
function pan(dx, dy) {
  view.x += dx;
  view.y += dy;
  show();
}

/** Move the picture, if it must be, so that all of `elements` can be seen; the first one at any rate. */
export function keepInView(elements) {
  if (!elements.length || !picture) {
    return;
  }
  const frame = stage.getBoundingClientRect();
  const boxes = elements.map((found) => boxIn(found));
  const all = boxes.reduce(union);
  const box = all.right - all.left < frame.width - 2 * MARGIN && all.bottom - all.top < frame.height - 2 * MARGIN;
  const target = box ? all : boxes[0];
  const out =
    target.left < MARGIN ||
    target.top < MARGIN ||
    target.right > frame.width - MARGIN ||
    target.bottom > frame.height - MARGIN;
  if (out) {
    glide(frame.width / 2 - (target.left + target.right) / 2, frame.height / 2 - (target.top + target.bottom) / 2);
  }
}

/** Move the picture so that an element is in the middle. */
export function centre(found) {
  const box = boxIn(found);
  glide(stage.clientWidth / 2 - (box.left + box.right) / 2, stage.clientHeight / 2 - (box.top + box.bottom) / 2);
}

/** Whether the pointer has just moved the picture: then its click is not meant for a node. */
export function wasDragged() {
  return dragged;
}

/** Where an element lies on the stage, by the transform that is wanted, not by the one a transition has got to. */
function boxIn(found) {
  const box = found.getBBox();
  const matrix = picture.getScreenCTM().inverse().multiply(found.getScreenCTM());
  const perUnit = (size.width / picture.viewBox.baseVal.width) * view.scale;
  const left = (matrix.a * box.x + matrix.e - picture.viewBox.baseVal.x) * perUnit + view.x;
  const top = (matrix.d * box.y + matrix.f - picture.viewBox.baseVal.y) * perUnit + view.y;
  return { left, top, right: left + box.width * matrix.a * perUnit, bottom: top + box.height * matrix.d * perUnit };
}

function union(a, b) {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

function glide(dx, dy) {
  picture.classList.toggle("gliding", glides);
  pan(dx, dy);
}

function show() {
  picture.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
}

// ---- pointers, wheel and keys

const pointers = new Map();

function apart() {
  const [a, b] = [...pointers.values()];
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function pressed(event) {
  if (event.button === 0 && picture) {
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    dragged = false;
    picture.classList.remove("gliding");
  }
}

function moved(event) {
  const before = pointers.get(event.pointerId);
  if (!before) {
    return;
  }
  const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
  if (!dragged && Math.hypot(dx, dy) < 4) {
    return; // a click, with a hand that is not quite steady
  }
  if (!dragged) {
    dragged = true;
    stage.setPointerCapture(event.pointerId);
  }
  const distance = pointers.size === 2 ? apart() : 0;
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (pointers.size === 2 && distance) {
    const frame = stage.getBoundingClientRect();
    const [a, b] = [...pointers.values()];
    zoom(apart() / distance, (a.x + b.x) / 2 - frame.left, (a.y + b.y) / 2 - frame.top);
    pan(dx / 2, dy / 2);
  } else {
    pan(dx, dy);
  }
}

function released(event) {
  pointers.delete(event.pointerId);
}

function wheeled(event) {
  if (!picture) {
    return;
  }
  event.preventDefault();
  picture.classList.remove("gliding");
  const frame = stage.getBoundingClientRect();
  const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
  zoom(Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - frame.left, event.clientY - frame.top);
}

const STEP = 60; // pixels that an arrow key moves the picture by
const KEYS = {
  ArrowLeft: () => pan(STEP, 0),
  ArrowRight: () => pan(-STEP, 0),
  ArrowUp: () => pan(0, STEP),
  ArrowDown: () => pan(0, -STEP),
  "+": () => zoom(1.25),
  "=": () => zoom(1.25),
  "-": () => zoom(0.8),
  0: () => fit(),
};

function keyed(event) {
  const move = KEYS[event.key];
  const plain = !(event.ctrlKey || event.metaKey || event.altKey);
  if (move && plain && picture && event.target === stage) {
    move();
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Listen to the pointer, the wheel, the keys and the buttons. */
export function listen() {
  stage.addEventListener("pointerdown", pressed);
  stage.addEventListener("pointermove", moved);
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, released);
  }
  stage.addEventListener("wheel", wheeled, { passive: false });
  stage.addEventListener("keydown", keyed);
  byId("zoom-in").addEventListener("click", () => picture && zoom(1.25));
  byId("zoom-out").addEventListener("click", () => picture && zoom(0.8));
  byId("zoom-fit").addEventListener("click", () => picture && fit());
}
