"""Writes the pages of the corpus that need odd bytes, an old charset or a lot of room.

Run `python -m tests.corpus.generate` after a change here. The output is the same each time.
"""

from __future__ import annotations

import base64
import json
import random

from . import PAGES

_WORDS = (
    *("harbour", "lamp", "window", "quiet", "copper", "seven", "garden", "letter", "paper", "north", "river", "bread"),
    *("morning", "stone", "ladder", "winter", "apple", "market", "bicycle", "thread", "kettle", "button", "orchard"),
    *("chalk", "signal", "ferry", "meadow", "lantern"),
)

_ASIAN = """<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta http-equiv="Content-Type" content="text/html; charset={charset}">
<title>{title}</title>
<script src="https://www.google-analytics.com/ga.js" charset="{charset}"></script>
<script>var greeting = "{text}"; trackerQueue.push(greeting);</script>
<script>var greeting = "{text}";</script>
<style>.a {{ content: "{text}"; background: url(https://tracker.example/{text}.png) }}</style>
</head>
<body>
<h1 title="{text}">{text}</h1>
<img alt="{text}" src="https://tracker.example/p.gif?q={text}">
<img alt={text} src=https://tracker.example/p.gif>
<img src="/{text}.png" alt="">
<a href="/{text}" ping="https://tracker.example/{text} /own">{text}</a>
<textarea><img src="https://tracker.example/{text}.png"></textarea>
<noscript><img src="https://tracker.example/n.gif?q={text}" alt="{text}"></noscript>
</body>
</html>
"""


def _prose(seed: int, words: int) -> str:
    chosen = random.Random(seed).choices(_WORDS, k=words)
    return " ".join(chosen)


def _asian(lang: str, charset: str, title: str, text: str) -> bytes:
    return _ASIAN.format(lang=lang, charset=charset, title=title, text=text).encode(charset)


def _shop_grid() -> bytes:
    items = "\n".join(
        f'<li class="item" id="i{number}"><a href="/p/{number}"><img loading="lazy" '
        f'src="https://images.example.com/{number}.jpg" '
        f'srcset="https://images.example.com/{number}.jpg 1x, https://images.example.com/{number}@2x.jpg 2x" '
        f'alt="{_prose(number, 3)}"></a><p>{_prose(number + 1000, 12)}</p>'
        f"<button onclick=\"add({number}, '{_prose(number, 1)}')\">Add</button></li>"
        + (f'\n<li><img src="//ad.doubleclick.net/between?n={number}" width=1></li>' if number % 40 == 0 else "")
        for number in range(1, 201)
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Two hundred things</title>\n'
        '<script async src="https://www.googletagmanager.com/gtm.js?id=GTM-XXXXXXX"></script></head>\n'
        f'<body><ul class="grid">\n{items}\n</ul></body></html>\n'
    ).encode()


def _data_uris() -> bytes:
    blob = base64.b64encode(random.Random(7).randbytes(150_000)).decode()
    return (
        "<!doctype html><title>Long data: URIs</title>\n"
        f'<img src="data:image/png;base64,{blob}" alt="">\n'
        '<img src="https://tracker.example/after-the-long-one.png">\n'
        f"<style>.a{{background:url(data:image/png;base64,{blob[:40_000]})}}"
        ".b{background:url(https://tracker.example/b.png)}</style>\n"
        f"<link rel=stylesheet href=data:text/css,{blob[:20_000].replace('+', '-')}>\n"
        f'<p style="background:url(data:image/gif;base64,{blob[:30_000]}),url(https://tracker.example/c.png)">x</p>\n'
    ).encode()


def _huge_json() -> bytes:
    state = {
        f"{_prose(number, 2)} {number}": {
            "html": f'\\u003cp>{_prose(number, 20)}\\u003c/p>\\u003cimg src="https://tracker.example/{number}.png">',
            "urls": [f"https://www.google-analytics.com/{number}", f"//tracker.example/{number}"],
        }
        for number in range(700)
    }
    text = json.dumps(state).replace("\\\\u003c", "\\u003c")
    return (
        f'<!doctype html><title>State</title><script id="state" type="application/json">{text}</script>\n'
        f"<script>window.__STATE__ = {text[:60_000]!r};</script>\n"
        f"<script>trackerQueue.push({text[:30_000]!r});</script>\n"
        '<img src="https://tracker.example/after.png">\n'
    ).encode()


def _long_news() -> bytes:
    paragraphs = "\n".join(
        f"<p>{_prose(number, 80)} <a href='/{number}'>{_prose(number + 5000, 2)}</a>.</p>" for number in range(120)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>A long read</title></head>\n<body>\n'
        f"<article>{paragraphs}</article>\n"
        '<script async defer src="https://connect.facebook.net/en_US/sdk.js"></script>\n</body></html>\n'
    ).encode()


def generated() -> dict[str, bytes]:
    """The generated pages: file names and bytes."""
    windows = b"\r\n".join(
        [
            b"<!DOCTYPE html>",
            b"<html>",
            b"<head><title>Windows line ends</title>",
            b"<script",
            b'  src="https://tracker.example/1.js"',
            b"  async></script>",
            b"<script>",
            b"trackerQueue.push(1);",
            b"</script>",
            b"<style>",
            b"a { background: url(https://tracker.example/2.png); }",
            b"b { background: url(",
            b'"/own.png") }',
            b"</style></head>",
            b"<body>",
            b"<pre>",
            b"a",
            b"</pre><textarea>",
            b"",
            b'<img src="https://tracker.example/not.png"></textarea>',
            b'<img alt="two',
            b'lines" src="',
            b'https://tracker.example/3.png">',
            b"</body></html>",
            b"",
        ]
    )
    return {
        "big-shop-grid.html": _shop_grid(),
        "big-data-uris.html": _data_uris(),
        "big-inline-json.html": _huge_json(),
        "big-long-read.html": _long_news(),
        "crlf.html": windows,
        "cr-only.html": windows.replace(b"\r\n", b"\r"),
        "line-ends-mixed.html": windows.replace(b"\r\n", b"\n\r", 6).replace(b"\r\n", b"\r\r\n", 4),
        "bom.html": b"\xef\xbb\xbf<!doctype html><html><head><script src=https://tracker.example/1.js></script>"
        b"<title>With a byte order mark</title></head></html>\n",
        "bom-text.html": b"\xef\xbb\xbfText with \xe2\x82\xac and <img src=https://tracker.example/1.png>",
        "nul.latin-1.html": b"<!doctype html><title>N\x00UL</title>\n"
        b'<img src="https://tracker.example/1.png" al\x00t="\x00">\n'
        b'<scr\x00ipt src="https://tracker.example/not.js"></scr\x00ipt>\n'
        b'<img\x00 src="https://tracker.example/not.png"><img \x00src="https://tracker.example/not.png">\n'
        b'<img \x00 src="https://tracker.example/2.png"><img src="https://track\x00er.example/not.png">\n'
        b'<!-- \x00 --\x00> <img src="https://tracker.example/not.png"> -->\x00<p>te\x00xt</p>\n'
        b"<script>\x00trackerQueue.push(1)</scr\x00ipt></script>\n"
        b"<style>a{background:url(https://tracker.example/3.png)}\x00</style>\n"
        b'<svg><a>\x00<image href="https://tracker.example/4.png"/><![CDATA[\x00]]></a></svg>\n'
        b"<!\x00><?\x00></\x00><table>\x00<tr><td>\x00</table><textarea>\x00</textarea><plaintext>\x00",
        "control-bytes.latin-1.html": b"<!doctype html>\x01\x02\x0b<title>\x7f\x80\x81</title>\x0c<p>"
        b'\x1b<img\x0csrc="https://tracker.example/1.png"\x0c>\x0b'
        b'<img\x0bsrc="https://tracker.example/not.png"><img src="\x01\x1fhttps://tracker.example/2.png\x1f">\n'
        b"<img src=\x0chttps://tracker.example/3.png\x0c>\x85\xa0<img src=https://tracker.example/4.png\xa0>\n",
        "invalid-utf-8.latin-1.html": b"<!doctype html><meta charset=utf-8><title>\xff\xfe\xc0\x80</title>\n"
        b'<img alt="\xe2\x82" src="https://tracker.example/1.png"><p title=\xf0\x9f\x98>\xed\xa0\x80</p>\n'
        b'<script>var s = "\xff"; trackerQueue.push(s)</script><img src="https://tracker.example/\xff.png">\n'
        b"<style>a{background:url(https://tracker.example/\xc3.png)}\xff</style>\n"
        b'<p style="background:url(https://tracker.example/\xe9.png)">\xe9</p><im\xe9g src="https://tracker.example/not">\n'
        b'<iframe srcdoc="<p>\xe9</p><img src=https://tracker.example/2.png>"></iframe>\n',
        "french.latin-1.html": (
            "<!DOCTYPE html>\n<html lang=fr><head><meta charset=iso-8859-1><title>Été à Sète</title>\n"
            '<script src="https://static.hotjar.com/été.js"></script></head>\n'
            "<body><p>Déjà vu, naïveté, « guillemets ».</p><img src=/été.png>"
            '<img alt="été" src="//tracker.example/été.png?q=é"></body></html>\n'
        ).encode("latin-1"),
        "russian.windows-1251.html": (
            '<html><head><meta http-equiv="content-type" content="text/html; charset=windows-1251">'
            "<title>Добро пожаловать</title></head><body><p>Привет, мир!\n"
            '<!--counter--><img src="https://tracker.example/hit?t44.6;r" alt="счётчик" border=0></body></html>\n'
        ).encode("windows-1251"),
        "japanese.shift_jis.html": _asian("ja", "shift_jis", "表示の一覧", "ソフト表能予十貼暴欺構申ポーチ"),
        "japanese.euc-jp.html": _asian("ja", "euc-jp", "お知らせ", "日本語のページ"),
        "chinese.gb18030.html": _asian("zh", "gb18030", "中文页面", "你好\u3400\U00020000世界"),
        "chinese.big5.html": _asian("zh-TW", "big5", "許功蓋", "許功蓋育珮餐"),
        "korean.euc-kr.html": _asian("ko", "euc-kr", "안녕하세요", "한국어 페이지"),
        "chinese.utf-8.html": _asian("zh", "utf-8", "中文页面", "你好、世界 🙂"),
        "many-attributes.html": (
            "<!doctype html><title>Many attributes</title>\n<img "
            + " ".join(f'data-a{number}="https://tracker.example/{number}"' for number in range(600))
            + ' src="https://tracker.example/1.png">\n<p '
            + "a " * 2000
            + ">\n"
        ).encode(),
        "many-open-elements.html": ("<!doctype html><title>x</title>" + "<div>" * 300 + "<b><i>" * 60).encode()
        + b'<img src="https://tracker.example/1.png">',
    }


def main() -> None:
    """Write the pages."""
    for name, content in generated().items():
        (PAGES / name).write_bytes(content)


if __name__ == "__main__":
    main()
