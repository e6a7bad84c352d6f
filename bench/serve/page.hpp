/// The page of a server: an image is dropped on it, and it shows where the image left and what that saved.
#pragma once
#include <string_view>

namespace serve {

inline constexpr std::string_view page = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>weir: where does an image leave?</title>
<style>
:root { color-scheme: light dark; --line: #8886; --ink: #0072b2; --soft: #0072b222; }
@media (prefers-color-scheme: dark) { :root { --ink: #56b4e9; --soft: #56b4e933; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
#drop { display: block; border: 2px dashed var(--line); border-radius: 12px; padding: 2rem; text-align: center; cursor: pointer; }
#drop.over, #drop:focus-within { border-color: var(--ink); background: var(--soft); }
#file { position: absolute; opacity: 0; }
#shown { display: flex; gap: 1.5rem; margin-top: 1.5rem; align-items: flex-start; flex-wrap: wrap; }
#shown img { width: 12rem; image-rendering: pixelated; border-radius: 8px; }
#says { flex: 1 1 16rem; }
#says h2 { margin: 0; }
ol { list-style: none; padding: 0; }
li { border-left: 4px solid var(--line); padding: .2rem .8rem; opacity: .55; }
li.passed { opacity: 1; }
li.left { border-color: var(--ink); background: var(--soft); opacity: 1; font-weight: 600; }
[hidden] { display: none !important; }
</style></head><body>
<h1>Where does an image leave?</h1>
<p>Easy images are answered by the first stages, hard ones go on. Nothing behind the exit is computed.</p>
<label id="drop"><input id="file" type="file" accept="image/*">Drop an image here, or choose one</label>
<p id="key" hidden><label>This server asks for a token: <input id="token" type="password"></label></p>
<div id="shown" aria-live="polite" hidden><img id="image" alt="the image that was sent"><div id="says"></div></div>
<noscript><p>Without scripts: <code>curl --data-binary @image.jpg http://this-server/</code></p></noscript>
<script>
const $ = id => document.getElementById(id), drop = $('drop');
const text = (tag, words, kind) => { const e = document.createElement(tag); e.textContent = words; if (kind) e.className = kind; return e; };
async function send(file) {
  const headers = $('token').value ? { Authorization: 'Bearer ' + $('token').value } : {};
  $('image').src = URL.createObjectURL(file);
  $('shown').hidden = false;
  $('says').replaceChildren(text('p', '...'));
  try {
    const reply = await fetch('/', { method: 'POST', body: file, headers });
    const a = await reply.json();
    if (reply.status === 401) $('key').hidden = false;
    if (!reply.ok) return $('says').replaceChildren(text('p', a.error));
    const list = document.createElement('ol');
    a.stages.forEach((s, k) => list.append(text('li', s, s === a.exit ? 'left' : k < a.stages.indexOf(a.exit) ? 'passed' : '')));
    $('says').replaceChildren(text('h2', a.name || 'class ' + a.label),
      text('p', `${(100 * a.probability).toFixed(1)} % sure, in ${a.ms.toFixed(2)} ms`), list,
      text('p', a.saved > 0.001 ? `Left early: ${Math.round(100 * a.saved)} % of the way to the full network was saved.` : 'It went all the way.'));
  } catch (e) { $('says').replaceChildren(text('p', 'The server does not answer: ' + e.message)); }
}
$('file').onchange = e => e.target.files[0] && send(e.target.files[0]);
drop.ondragover = e => { e.preventDefault(); drop.classList.add('over'); };
drop.ondragleave = () => drop.classList.remove('over');
drop.ondrop = e => { e.preventDefault(); drop.classList.remove('over'); e.dataTransfer.files[0] && send(e.dataTransfer.files[0]); };
</script></body></html>
)html";

}  // namespace serve
