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

  plots.forEach(svg => {
    all(".mark title, .ring title", svg).forEach(title => {
      title.parentNode.setAttribute("aria-label", title.textContent);
      title.remove();
    });
    const point = event => {
      const mark = event.target.closest("[aria-label].mark, [aria-label].ring");
      tip.hidden = !mark;
      if (!mark) return;
      put(tip, mark.getAttribute("aria-label"));
      tip.style.left = Math.max(8, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)) + "px";
      tip.style.top = Math.max(8, event.clientY - tip.offsetHeight - 12) + "px";
    };
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointerleave", () => { tip.hidden = true; });
  });
  show();
})();
</script>
)";
}

}  // namespace adapt
