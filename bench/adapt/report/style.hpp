/// The page's looks: light and dark, wide and narrow.
#pragma once

namespace adapt {

inline const char* style() {
  return R"(<style>
:root{color-scheme:light dark;--fg:#1f2328;--dim:#5c6570;--bg:#fafafa;--card:#fff;--line:#dcdfe3;--soft:#eef0f2;
--ok:#1a7f37;--bad:#a04a00;--link:#0a5fa8;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#b05a8c;--c4:#b87a00;--c5:#3fa0dc;--c6:#555;--s0:#cfe3f3;--s1:#a3cbe8;
--s2:#6faed9;--s3:#3a8cc4;--s4:#1a6aa3;--s5:#0b4672}
@media (prefers-color-scheme:dark){:root{--fg:#dfe2e6;--dim:#9aa3ad;--bg:#161616;--card:#1f2022;--line:#3a3d41;
--soft:#292b2e;--ok:#5cb85f;--bad:#f0883e;--link:#6cb6ff;
--c0:#4da3e0;--c1:#ff8434;--c2:#2cc79a;--c3:#e39bc6;--c4:#f0b840;--c5:#93d2ff;--c6:#bbb;--s0:#17354d;--s1:#1e4d72;
--s2:#28699a;--s3:#3a8cc4;--s4:#74b3e0;--s5:#c3dff3}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",sans-serif;
overflow-wrap:break-word}
main{max-width:1100px;margin:0 auto;padding:32px 20px 72px}
h1{font-size:clamp(1.5rem,1rem + 2.2vw,2.25rem);line-height:1.2;letter-spacing:-.015em;margin:0 0 .4em;
overflow-wrap:anywhere}
h2{font-size:1.3rem;line-height:1.3;margin:2.6em 0 .6em}
h3{font-size:1.05rem;margin:1.8em 0 .3em;overflow-wrap:anywhere}
small,.hint,figcaption,caption{color:var(--dim);font-size:.875rem;font-weight:400}
a{color:var(--link)}
p{max-width:76ch}
.lead{font-size:1.05rem;color:var(--dim);margin:0 0 1.4em}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin:0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}
.tile dt{color:var(--dim);font-size:.875rem}
.tile dd{margin:0}
.tile b{display:block;font-size:2rem;line-height:1.25;font-weight:650;letter-spacing:-.01em;
font-variant-numeric:tabular-nums}
.tile span{display:block;color:var(--dim);font-size:.825rem;line-height:1.4;min-height:2.8em}
.note{max-width:none;border-left:5px solid;background:var(--card);padding:10px 16px;border-radius:0 8px 8px 0;
margin:14px 0 20px;min-height:3.1em}
.note.kept{border-color:var(--ok)}.note.kept b{color:var(--ok)}
.note.above{border-color:var(--bad)}.note.above b{color:var(--bad)}
figure{margin:1.2em 0}
figcaption{margin-top:.3em;max-width:90ch}
svg{display:block}
#chart svg{width:100%}
.narrow{display:none}
.mark,.ring{cursor:pointer}
.mark:focus-visible,.ring:focus-visible{outline-offset:4px}
#chart .ring{transition:cx .2s,cy .2s,opacity .2s}
@media (prefers-reduced-motion:reduce){#chart .ring{transition:none}}
#tip{position:fixed;z-index:2;max-width:320px;pointer-events:none;background:var(--card);border:1px solid var(--line);
border-radius:6px;padding:5px 10px;font-size:.85rem;box-shadow:0 2px 10px #0004}
#controls{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px;margin:18px 0}
#controls .hint{margin:.2em 0 0}
fieldset{border:0;padding:0;margin:0 0 .7em;display:flex;flex-wrap:wrap;gap:4px 20px}
legend{float:left;margin-right:20px;padding:0;color:var(--dim)}
#slider{width:100%;margin:.5em 0;accent-color:var(--c0);height:26px}
output{font-weight:650;font-variant-numeric:tabular-nums}
:focus-visible{outline:3px solid var(--c0);outline-offset:2px}
.bar{display:grid;grid-template-columns:minmax(8em,16em) 1fr 4em 7em;gap:12px;align-items:center;margin:7px 0;
font-size:.925rem;font-variant-numeric:tabular-nums}
.stage{overflow-wrap:anywhere;line-height:1.3}
.share,.right{text-align:right;white-space:nowrap}.right{color:var(--dim)}
.track{background:var(--soft);border-radius:4px;overflow:hidden;height:18px}
.track i{display:block;height:100%;min-width:1px;transition:width .2s}
i.c0{background:var(--c0)}i.c1{background:var(--c1)}i.c4{background:var(--c4)}i.c5{background:var(--c5)}
i.s0{background:var(--s0)}i.s1{background:var(--s1)}i.s2{background:var(--s2)}i.s3{background:var(--s3)}
i.s4{background:var(--s4)}i.s5{background:var(--s5)}
.stack{display:flex;height:16px;border-radius:3px;overflow:hidden;min-width:60px}
.stack i{display:block}
.bar-cell{width:45%}
.key{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:.875rem;margin:.3em 0}
.key i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:4px;vertical-align:-1px}
.key span{overflow-wrap:anywhere}
.table{overflow-x:auto;margin:.8em 0}
table{border-collapse:collapse;width:100%;font-size:.925rem}
caption{text-align:left;padding-bottom:.4em}
th,td{padding:.4em .6em;border-bottom:1px solid var(--line);text-align:left;vertical-align:middle}
th:first-child{padding-left:0}
tbody th{font-weight:400;overflow-wrap:anywhere}
thead th{border-bottom:2px solid var(--line);font-weight:600;vertical-align:bottom;line-height:1.3}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
thead .n{white-space:normal}
td.bar-cell,td.long{text-align:left;white-space:normal}th.bar-cell,th.long{text-align:left}
td.long{overflow-wrap:anywhere}
.strong th,.strong td{font-weight:650;background:var(--soft)}
.strong th:first-child{padding-left:.6em}
details{margin:.5em 0}
summary{cursor:pointer;color:var(--link);padding:.25em 0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:8px 28px}
.figures figure{margin:.6em 0;min-width:0}
.figures svg{width:100%}
.thumbs{display:grid;grid-template-columns:repeat(auto-fill,minmax(76px,1fr));gap:12px 10px}
.thumbs figure{margin:0;text-align:center;line-height:1.25;font-size:.78rem;overflow-wrap:anywhere}
.thumbs img{display:block;margin:0 auto 4px;border-radius:3px;border:2px solid transparent;max-width:100%;
object-fit:contain}
.thumbs .wrong img{border-color:var(--dim)}
.thumbs .regression img{border-color:var(--bad);outline:2px solid var(--bad);outline-offset:2px}
.thumbs span,.thumbs em{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}
.thumbs em{color:var(--bad);font-style:normal}
.thumbs small{font-size:.75rem}
.thumbs .wrong em{color:var(--dim)}
.pixels{image-rendering:pixelated}
#only{margin:0 .5em 0 0}
#only:checked~.browser figure:not(.regression){display:none}
#only:checked~.browser .none::after{content:"none";color:var(--dim)}
.facts{display:grid;grid-template-columns:minmax(7em,max-content) 1fr;gap:.35em 1.4em;margin:0;font-size:.925rem}
.facts dt{color:var(--dim);max-width:16em}
.facts dd{margin:0;overflow-wrap:anywhere}
pre{background:var(--soft);padding:.8em 1em;border-radius:8px;overflow:auto;white-space:pre-wrap;
overflow-wrap:anywhere;font-size:.85rem;line-height:1.5}
@media (max-width:640px){
main{padding:20px 14px 48px}
.wide{display:none}.narrow{display:block}
.tiles{grid-template-columns:1fr 1fr;gap:8px}
.tile{padding:10px 12px}.tile b{font-size:1.55rem}.tile span{font-size:.78rem}
.w{display:none}
th,td{padding:.4em .3em}
table{font-size:.84rem}
.strong th:first-child{padding-left:.3em}
.bar{grid-template-columns:1fr 3.8em 6.6em;gap:2px 8px}
.track{grid-column:1/-1;grid-row:2;height:12px}
.facts{grid-template-columns:1fr;gap:0}
.facts dd{margin-bottom:.7em}
.bar-cell{width:30%}
}
@media print{#controls{display:none}}
</style>
)";
}

}  // namespace adapt
