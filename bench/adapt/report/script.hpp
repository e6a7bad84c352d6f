/// The page's script: it moves what slider_data() holds, and shows what marks of the chart are. The page is whole
/// without it.
#pragma once

namespace adapt {

inline const char* script() {
  return R"(<script>
(() => {
  "use strict";
  const get = id => document.getElementById(id), all = (what, from = document) => [...from.querySelectorAll(what)];
  const modes = JSON.parse(get("data").textContent), slider = get("slider"), tip = get("tip"), note = get("promise");
  const tiles = all(".tile"), bars = all(".bars"), plots = all("#chart svg");
  let mode = 0;
  const put = (node, text) => { if (node && node.textContent !== text) node.textContent = text; };

  const show = () => {
    const policies = modes[mode].policies, p = policies[Math.min(+slider.value, policies.length - 1)];
    put(get("budget"), p.budget);
    const [faster, , , loss] = p.tiles;
    slider.setAttribute("aria-valuetext", `${p.budget}: ${faster[0]} as fast, ${loss[2]} ${loss[0]}`);
    tiles.forEach((tile, i) => {
      put(tile.querySelector("b"), p.tiles[i][0]);
      put(tile.querySelector("span"), p.tiles[i][1]);
      put(tile.querySelector("dt"), p.tiles[i][2]);
    });
    note.className = "note " + (p.note[2] ? "kept" : "above");
    put(note.querySelector("b"), p.note[0]);
    put(note.querySelector("span"), p.note[1]);
    bars.forEach((list, i) => { list.hidden = i !== mode; });
    all(".bar", bars[mode]).forEach((bar, k) => {
      bar.querySelector("i").style.width = p.exits[k][0] + "%";
      put(bar.querySelector(".share"), p.exits[k][1]);
      put(bar.querySelector(".right"), p.exits[k][2]);
    });
    plots.forEach((svg, w) => all(".ring", svg).forEach((ring, m) => {
      const own = modes[m], q = m === mode ? p : own.policies[own.chosen];
      ring.setAttribute("cx", q.at[w][0]);
      ring.setAttribute("cy", q.at[w][1]);
      ring.style.display = q.drawn ? "" : "none";
      ring.style.opacity = m === mode ? 1 : 0.35;
      ring.setAttribute("aria-label", q.says);
      const label = svg.querySelector(`.label[data-series="${ring.dataset.series}"]`);
      if (label) label.style.display = q === own.policies[own.chosen] ? "" : "none";
    }));
  };

  slider.addEventListener("input", show);
  all("[name=mode]").forEach(radio => radio.addEventListener("change", () => {
    mode = +radio.value;
    slider.max = modes[mode].policies.length - 1;
    slider.value = modes[mode].chosen;
    show();
  }));
  get("controls").hidden = false;

  const tell = (node, x, y) => {
    const mark = node.closest("[tabindex].mark, [tabindex].ring");
    tip.hidden = !mark;
    if (!mark) return;
    put(tip, mark.getAttribute("aria-label"));
    tip.style.left = Math.max(8, Math.min(x + 14, innerWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = Math.max(8, y - tip.offsetHeight - 12) + "px";
  };
  const hide = () => { tip.hidden = true; };
  const follow = () => {  // the mark that has the focus, if one has
    const box = document.activeElement.getBoundingClientRect();
    if (box.bottom > 0 && box.top < innerHeight) tell(document.activeElement, box.right, box.top);
    else hide();
  };
  plots.forEach(svg => {
    svg.setAttribute("role", "group");  // an img would hide its marks from screen readers
    svg.setAttribute("aria-label", "Marks of the chart");
    all(".mark title, .ring title", svg).forEach(title => {
      const mark = title.parentNode;
      mark.setAttribute("aria-label", title.textContent);
      mark.setAttribute("role", "img");
      mark.setAttribute("tabindex", 0);
      title.remove();  // or the browser shows it beside #tip
    });
    const point = event => tell(event.target, event.clientX, event.clientY);
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("focusin", follow);
    svg.addEventListener("focusout", hide);
    svg.addEventListener("keydown", event => { if (event.key === "Escape") hide(); });
  });
  addEventListener("scroll", follow);
  show();
})();
</script>
)";
}

}  // namespace adapt
