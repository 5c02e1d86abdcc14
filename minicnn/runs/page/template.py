"""The frame of every page, and how it looks: light and dark, on wide screens and on telephones."""

from string import Template

PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<link rel="icon" href="data:,">
<style>
$style</style>
</head>
<body>
<header>
<h1>$heading</h1>
<p>$subtitle</p>
$verdict$notice</header>
<main>
$content
</main>
</body>
</html>
""")

STYLE = """\
:root { color-scheme: light dark; --ink: #1f2328; --muted: #59636e; --line: #d1d9e0; --page: #fff;
  --card: #f5f8fa; --blue: #0072b2; --vermillion: #d55e00; --shade: 0, 114, 178;
  --notice: #fff3d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --muted: #9ba6b2; --line: #323a44;
  --page: #121212; --card: #1c2127; --blue: #6cb8e6; --vermillion: #f08a3c;
  --shade: 76, 160, 214; --notice: #3d3210; }
  .diagram img { filter: invert(.93) hue-rotate(180deg); } }
  /* white becomes --page, blue stays blue */
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: calc(9.3in + 2rem); padding: 1rem; background: var(--page);
  color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { margin: .5rem 0 0; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.5rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line);
  font-size: 1.25rem; }
p { margin: .25rem 0 .75rem; }
header p, figcaption, caption, dt { color: var(--muted); }
header .verdict { margin: 1rem 0; padding: .2rem .8rem; border-left: .3rem solid; color: var(--ink);
  font-size: 1.1rem; }
header .good { border-color: var(--blue); }
header .bad { border-color: var(--vermillion); }
.notice { padding: .6rem .8rem; border-radius: .4rem; background: var(--notice);
  color: var(--ink); }
.figures { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.2rem 0; }
.figures div { flex: 1 1 min(11rem, 45%); padding: .6rem .8rem; border-radius: .4rem;
  background: var(--card); }
.figures dd { margin: 0; font-size: 1.45rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--muted); }
.figures dt { font-size: .85rem; }
figure { margin: 0 0 1.2rem; }
img { display: block; max-width: 100%; height: auto; }
figcaption { margin-top: .5rem; }
details { margin: .4rem 0; }
summary { cursor: pointer; color: var(--blue); }
pre { margin: .4rem 0; padding: .6rem .8rem; overflow-x: auto; border-radius: .4rem;
  background: var(--card);
  font-size: .8rem; overflow-wrap: normal; }
.command { white-space: pre-wrap; }
.command span { white-space: nowrap; }
table { width: 100%; margin-bottom: 1.2rem; border-collapse: collapse;
  font-variant-numeric: tabular-nums; }
caption { padding-bottom: .4rem; text-align: left; }
th, td { padding: .25rem .4rem; border-bottom: 1px solid var(--line); text-align: right;
  font-weight: 400; }
th:first-child, td:first-child { width: 32%; text-align: left; overflow-wrap: anywhere; }
td { white-space: nowrap; }
thead th { color: var(--muted); font-size: .85rem; vertical-align: bottom; }
.matrix { table-layout: fixed; font-size: .7rem; }
.matrix th, .matrix td { padding: .3rem 0; border: 1px solid var(--page); text-align: center; }
.matrix th:first-child { padding-right: .3rem; text-align: right; color: inherit; }
.matrix thead td:first-child { width: 5.5rem; }
.matrix thead th { height: 5rem; }
.matrix thead span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.matrix .right { font-weight: 700; }
.facts { display: grid; grid-template-columns: minmax(7rem, auto) 1fr; gap: .2rem 1rem; margin: 0; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.narrow { display: none; }
@media (max-width: 600px) { .narrow { display: revert; } .wide { display: none; }
  table { font-size: .8rem; }
  th, td { padding: .25rem .2rem; } }
@media print { body { max-width: none; } details { display: none; } }
"""
