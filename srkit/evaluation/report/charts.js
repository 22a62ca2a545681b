/* Charts: a button of the legend hides a run everywhere; a pointer or the arrow keys read values off the lines. */
function legends() {
  for (const button of document.querySelectorAll("[data-toggles]")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", shown);
      for (const group of document.querySelectorAll(`[data-run="${button.dataset.toggles}"]`)) {
        group.toggleAttribute("hidden", !shown);
      }
    });
  }
}

class Reader {
  constructor(svg) {
    this.svg = svg;
    this.output = svg.parentElement.querySelector(".reading");
    this.cursor = document.createElementNS(svg.namespaceURI, "line");
    this.cursor.setAttribute("class", "cursor");
    [this.across, this.upward] = [svg.dataset.x, svg.dataset.y].map((text) => text.split(" ").map(Number));
    svg.addEventListener("pointermove", (event) => this.read(this.place(event)));
    svg.addEventListener("pointerleave", () => this.rest());
    svg.addEventListener("blur", () => this.rest());
    svg.addEventListener("keydown", (event) => this.onKey(event));
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * this.svg.viewBox.baseVal.width;
  }

  onKey(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") this.rest();
    if (by === undefined) return;
    event.preventDefault();
    const places = [...new Set(this.lines().flatMap(([, points]) => points.map((point) => point[0])))];
    places.sort((one, other) => one - other);
    const here = this.at ?? (by > 0 ? -Infinity : Infinity);
    const next = by > 0 ? places.find((one) => one > here) : places.findLast((one) => one < here);
    if (next !== undefined) this.read(next);
  }

  /* The lines that are shown: name and points. */
  lines() {
    return [...this.svg.querySelectorAll("g.run:not([hidden])")].map((group) => [
      group.dataset.name,
      [...group.children].flatMap((shape) => (shape.tagName === "circle"
        ? [[Number(shape.getAttribute("cx")), Number(shape.getAttribute("cy"))]]
        : shape.getAttribute("points").split(" ").map((pair) => pair.split(",").map(Number)))),
    ]);
  }

  read(place) {
    const nearest = this.lines().map(([name, points]) => [
      name,
      points.reduce((best, one) => (Math.abs(one[0] - place) < Math.abs(best[0] - place) ? one : best)),
      points.map((point) => point[0]),
    ]);
    if (!nearest.length) return;
    const [left] = nearest.map(([, point]) => point)
      .reduce((best, one) => (Math.abs(one[0] - place) < Math.abs(best[0] - place) ? one : best));
    this.at = left;
    for (const [name, value] of Object.entries({ x1: left, x2: left, y1: this.upward[2], y2: this.upward[3] })) {
      this.cursor.setAttribute(name, value);
    }
    this.svg.append(this.cursor);
    /* a run has no value where it had not begun or was over */
    const lines = nearest.map(([name, point, places]) => {
      const is_there = left >= Math.min(...places) - 0.5 && left <= Math.max(...places) + 0.5;
      return `${name}  ${is_there ? Reader.value(this.upward, point[1]).toPrecision(4) : "\u2013"}`;
    });
    const baseline = this.svg.querySelector("g.baseline");
    if (baseline) lines.push(`${baseline.dataset.name}  ${baseline.dataset.value}`);
    this.output.textContent = [`step ${Math.round(Reader.value(this.across, left))}`, ...lines].join("\n");
  }

  static value([low, high, start, end, log], place) {
    const share = (place - start) / (end - start);
    return log ? low * (high / low) ** share : low + share * (high - low);
  }

  rest() {
    this.at = undefined;
    this.cursor.remove();
    this.output.textContent = "";
  }
}
