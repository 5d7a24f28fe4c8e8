"""Comments that attack whoever reads them in a report."""

from __future__ import annotations

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    "</p></div></main><iframe srcdoc='<script>alert(3)</script>'></iframe>",
    "[click me](javascript:alert(4))",
    "![look](https://evil.example/pixel.png)",
    "a | b || c \\| d",
    "`code` ``` ~~~ and **bold** __x__ ~~y~~",
    "line one\n\n# a heading\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "<https://evil.example> https://evil.example www.evil.example &amp; &lt;b&gt;",
    "&#60;img src=x onerror=alert(5)&#62;",
    "evil\u202etxt.exe and \u2066isolated\u2069",
    "zero\u200bwidth\u200b\u200b and \U000e0000tags and \ufeffbom",
    "{{ 7 * 7 }} {% raw %} ${7*7} #{7*7} %s {0}",
    "'\" onmouseover=alert(6) x='",
    "- [ ] task\n1. one\n> quote\n---\n===",
    "<!-- comment --> <![CDATA[ x ]]> <?php echo 1 ?>",
    "H\u0335\u0336\u0337\u0338\u0339\u033a\u033b\u033ce comes",
    "\\<img src=x onerror=alert(7)\\> \\\\` \\[x](javascript:alert(8))",
    "<a href='javascript:alert(9)'>x</a> <svg onload=alert(10)> <style>*{display:none}</style>",
    "   indented four spaces\ttab",
)
