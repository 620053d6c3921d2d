/**
 * Boxes that scroll sideways on a narrow screen (figures, formulas, tables) are stops of the Tab key
 * while they do, so that the arrow keys can scroll them, and have a name then.
 */
(() => {
  "use strict";

  const BOXES =
    ".bd-article :is(figure, div.cell_output, .table-wrapper, div.math, mjx-container[display])";
  const scrolls = (box) =>
    ["auto", "scroll"].includes(getComputedStyle(box).overflowX) &&
    box.scrollWidth > box.clientWidth + 1;

  /** A caption's number and first sentence; or what kind of thing it is. */
  const name = (box) => {
    const number = box.querySelector(".caption-number")?.textContent.trim();
    const text = box.querySelector(".caption-text")?.textContent.trim().split(/(?<!Fig)[.:] /)[0];
    if (number) return `${number}: ${text}`;
    if (box.matches("div.math, mjx-container")) return "Formula";
    return box.querySelector("table") ? "Table" : "Figure";
  };

  const update = (box) => {
    if (scrolls(box) === box.hasAttribute("data-scrolls")) return;
    if (box.toggleAttribute("data-scrolls")) {
      box.setAttribute("tabindex", 0);
      box.setAttribute("role", box.matches("figure") ? "region" : "group");
      box.setAttribute("aria-label", name(box));
    } else {
      for (const attribute of ["tabindex", "role", "aria-label"]) box.removeAttribute(attribute);
    }
  };

  const watch = () => {
    const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => update(target)));
    for (const box of document.querySelectorAll(BOXES)) {
      observer.observe(box);
      for (const image of box.querySelectorAll("img")) {
        image.addEventListener("load", () => update(box));
      }
    }
  };

  // Formulas have their width once they are set.
  const set = () => window.MathJax?.startup?.promise ?? Promise.resolve();
  addEventListener("load", () => set().then(watch));
})();
