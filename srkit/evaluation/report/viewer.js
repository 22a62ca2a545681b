const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function made(kind, classes, attributes = {}) {
  const element = document.createElement(kind);
  element.className = classes;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/* One set of photos: the pair and the view are the same for all of them. */
class Viewer {
  static CLOSEST = 16; // page pixels for one of the picture
  static STEP = 1.5;

  constructor(root) {
    this.root = root;
    this.photos = [...root.querySelectorAll(".photo")];
    this.tabs = [...root.querySelectorAll("[role=tab]")];
    this.selects = { left: root.querySelector("[data-side=left]"), right: root.querySelector("[data-side=right]") };
    this.models = [...this.selects.left.options].map((option) => option.value);
    this.zoom = 1; // 1 shows the whole picture
    this.x = 0; // what is cut off at the left and the top, in widths and heights of the view
    this.y = 0;
    this.split = 0.5;
    this.pointers = new Map();
    this.stages = this.photos.map((photo) => this.stageOf(photo));
    const baseline = Math.max(0, this.models.indexOf("bicubic"));
    this.selects.left.value = this.models[baseline];
    this.selects.right.value = this.models[Math.min(baseline + 1, this.models.length - 1)];
    this.listen();
    this.choose(0);
  }

  stageOf(photo) {
    const stage = made("div", "stage", { tabindex: 0, role: "group", "aria-roledescription": "comparison" });
    stage.style.setProperty("--wide", photo.dataset.width);
    stage.style.setProperty("--high", photo.dataset.height);
    for (const [side, where] of [["right", "after"], ["left", "before"]]) {
      const layer = made("div", `side ${where}`);
      layer.append(made("img", "", { "data-shows": side, draggable: "false", alt: "" }));
      stage.append(layer, made("div", `label ${where}`, { "data-names": side, "aria-hidden": "true" }));
    }
    stage.append(made("div", "handle", {
      role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": 100, "aria-orientation": "horizontal",
      "aria-label": "Line between the left and the right version",
    }));
    photo.prepend(stage);
    return stage;
  }

  listen() {
    const does = {
      in: () => this.zoomBy(Viewer.STEP), out: () => this.zoomBy(1 / Viewer.STEP),
      fit: () => this.look(1, 0, 0), one: () => this.zoomTo(1 / this.fitted), swap: () => this.swap(),
    };
    for (const button of this.root.querySelectorAll(".tools [data-do]")) {
      button.addEventListener("click", does[button.dataset.do]);
    }
    for (const select of Object.values(this.selects)) select.addEventListener("change", () => this.draw());
    this.tabs.forEach((tab, place) => {
      tab.addEventListener("click", () => this.choose(place));
      tab.addEventListener("keydown", (event) => this.onTabKey(event, place));
    });
    for (const stage of this.stages) {
      stage.addEventListener("keydown", (event) => this.onKey(event));
      stage.addEventListener("pointerdown", (event) => this.onDown(event));
      stage.addEventListener("pointermove", (event) => this.onMove(event));
      for (const end of ["pointerup", "pointercancel"]) {
        stage.addEventListener(end, (event) => this.onUp(event));
      }
      stage.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
      new ResizeObserver(() => stage.clientWidth && this.draw()).observe(stage);
    }
    for (const version of this.root.querySelectorAll(".strip li")) {
      version.querySelector(".view").addEventListener("click", (event) => {
        this.selects[event.shiftKey ? "left" : "right"].value = version.dataset.model;
        this.draw();
      });
    }
  }

  get stage() { return this.stages[this.place]; }

  /* Page pixels for one of the picture while the whole of it is shown. */
  get fitted() { return this.stage.clientWidth / Number(this.photos[this.place].dataset.width) || 1; }

  choose(place) {
    this.place = place;
    this.photos.forEach((photo, other) => { photo.hidden = other !== place; });
    this.tabs.forEach((tab, other) => {
      tab.setAttribute("aria-selected", other === place);
      tab.tabIndex = other === place ? 0 : -1;
    });
    this.draw();
  }

  swap() {
    const { left, right } = this.selects;
    [left.value, right.value] = [right.value, left.value];
    this.draw();
  }

  look(zoom, x, y) {
    this.zoom = clamp(zoom, Math.min(1, 1 / this.fitted), Math.max(1, Viewer.CLOSEST / this.fitted));
    const within = (value) => (this.zoom > 1 ? clamp(value, 0, this.zoom - 1) : (this.zoom - 1) / 2);
    [this.x, this.y] = [within(x), within(y)];
    this.draw();
  }

  /* The point (left, top) of the view, in shares of it, stays where it is. */
  zoomTo(zoom, left = 0.5, top = 0.5) {
    const limit = clamp(zoom, Math.min(1, 1 / this.fitted), Math.max(1, Viewer.CLOSEST / this.fitted));
    const moved = (offset, at) => ((offset + at) / this.zoom) * limit - at;
    this.look(limit, moved(this.x, left), moved(this.y, top));
  }

  zoomBy(times, left, top) { this.zoomTo(this.zoom * times, left, top); }

  slide(split) {
    this.split = clamp(split, 0, 1);
    this.draw();
  }

  draw() {
    const style = this.root.style;
    style.setProperty("--z", this.zoom);
    style.setProperty("--x", this.x);
    style.setProperty("--y", this.y);
    const magnified = this.fitted * this.zoom;
    this.root.classList.toggle("zoomed", this.zoom > 1.001);
    this.root.classList.toggle("pixels", magnified >= 2);
    const small = this.photos[this.place].querySelector(".view").clientWidth / this.stage.clientWidth;
    this.root.classList.toggle("small-pixels", magnified * small >= 2);
    this.root.querySelector("[data-zoom]").textContent = `${magnified.toFixed(magnified < 10 ? 1 : 0)}\u00d7`;
    this.drawPair();
  }

  drawPair() {
    const shown = {};
    const versions = [...this.photos[this.place].querySelectorAll(".strip li")];
    for (const [side, select] of Object.entries(this.selects)) {
      shown[side] = versions.find((one) => one.dataset.model === select.value) ?? versions[0];
      const from = shown[side].querySelector("img");
      const image = this.stage.querySelector(`[data-shows=${side}]`);
      if (image.src !== from.src) image.src = from.src;
      image.alt = from.alt;
      const { model, score } = shown[side].dataset;
      this.stage.querySelector(`[data-names=${side}]`).textContent = `${model} ${score}`.trim();
    }
    for (const one of versions) {
      const said = Object.keys(shown).filter((side) => shown[side] === one).join(", ");
      one.toggleAttribute("data-at", said !== "");
      one.querySelector("figcaption span").dataset.said = said;
    }
    const percent = Math.round(this.split * 100);
    const [left, right] = [shown.left.dataset.model, shown.right.dataset.model];
    this.stage.style.setProperty("--split", `${this.split * 100}%`);
    this.stage.setAttribute("aria-label", `${left} left of the line, ${right} right of it`);
    const handle = this.stage.querySelector(".handle");
    handle.setAttribute("aria-valuenow", percent);
    handle.setAttribute("aria-valuetext", `${percent}% ${left}, ${100 - percent}% ${right}`);
  }

  onTabKey(event, place) {
    const last = this.tabs.length - 1;
    const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const chosen = (next + last + 1) % (last + 1);
    this.choose(chosen);
    this.tabs[chosen].focus();
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const zooms = {
      "+": () => this.zoomBy(Viewer.STEP), "=": () => this.zoomBy(Viewer.STEP),
      "-": () => this.zoomBy(1 / Viewer.STEP), 0: () => this.look(1, 0, 0), 1: () => this.zoomTo(1 / this.fitted),
    };
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (zooms[event.key]) {
      zooms[event.key]();
    } else if (event.target.classList.contains("handle") || this.zoom <= 1) {
      if (!this.slideByKey(event)) return;
    } else if (arrows[event.key]) {
      const [right, down] = arrows[event.key];
      this.look(this.zoom, this.x + right * 0.1, this.y + down * 0.1);
    } else {
      return;
    }
    event.preventDefault();
  }

  slideByKey(event) {
    const far = event.shiftKey ? 0.1 : 0.01;
    const by = {
      ArrowLeft: -far, ArrowDown: -far, ArrowRight: far, ArrowUp: far, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1,
    }[event.key];
    if (by === undefined) return false;
    this.slide(this.split + by);
    return true;
  }

  /* Where an event is on the stage, in shares of it. */
  at(event) {
    const box = this.stage.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  onDown(event) {
    if (event.button !== 0) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    if (this.pointers.size === 1) this.sliding = event.target.classList.contains("handle") || this.zoom <= 1;
    this.stage.classList.toggle("held", !this.sliding);
    if (this.sliding && this.pointers.size === 1) this.slide(this.at(event)[0]);
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = this.at(event);
    const other = [...this.pointers].find(([pointer]) => pointer !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (other) {
      const box = this.stage.getBoundingClientRect();
      const apart = (one) => Math.hypot((one[0] - other[0]) * box.width, (one[1] - other[1]) * box.height);
      this.zoomBy(apart(now) / Math.max(1, apart(before)), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (this.sliding) {
      this.slide(now[0]);
    } else {
      this.look(this.zoom, this.x + before[0] - now[0], this.y + before[1] - now[1]);
    }
  }

  onUp(event) {
    this.pointers.delete(event.pointerId);
    this.stage.classList.remove("held");
  }

  onWheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY / 300), ...this.at(event));
  }
}
