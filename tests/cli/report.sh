#!/bin/sh
# The page of `sdc bench --report` in a browser: every chart has its parts, nothing leaves its chart or covers another
# label, and the page is no wider than its window.  Skipped (77) where there is no chromium.
. "$2/tests/cli/common.sh"
browser=$(command -v chromium || command -v chromium-browser) || { echo "skipped: no chromium"; exit 77; }

check "bench" "$sdc" bench "$source/models/emoji/text_encoder/model.onnx" --shape input_ids=1x32 --runs 1 --each \
    --no-fuse=attention,projection,norm,upsample,shortcut,pad,hoist,concat --report page.html

# A copy with a script that looks at what was laid out.
cat >probe.html <<'END'
<script>
const found = [];
const inside = (a, b) => a.x < b.x + b.width - 1 && b.x < a.x + a.width - 1 && a.y < b.y + b.height - 1 && b.y < a.y + a.height - 1;
for (const svg of document.querySelectorAll('svg')) {
    const box = svg.viewBox.baseVal, labels = [...svg.querySelectorAll('text')];
    for (const part of svg.querySelectorAll('text, rect, circle, line, polyline')) {
        const b = part.getBBox();
        if (b.x < -1 || b.y < -1 || b.x + b.width > box.width + 1 || b.y + b.height > box.height + 1)
            found.push(svg.id + ': ' + part.outerHTML.slice(0, 80) + ' is outside');
    }
    for (const one of labels)
        for (const other of labels)
            if (one !== other && inside(one.getBBox(), other.getBBox()))
                found.push(svg.id + ': ' + one.textContent + ' and ' + other.textContent + ' cover each other');
}
if (document.documentElement.scrollWidth > innerWidth)
    found.push('the page is ' + document.documentElement.scrollWidth + ' wide in ' + innerWidth);
const count = (query) => document.querySelectorAll(query).length;
document.title = 'bars ' + count('#kernels rect') + ' of ' + (count('#kernel_table tr') - 1) + ', fusions ' + count('#fusions rect') +
    ', buffers ' + count('#memory rect') + ', points ' + count('#roofline circle.kind') + ', roofs ' + count('#roofline polyline') +
    ', ' + (found.length ? found.join('; ') : 'fits');
</script>
END
cat page.html probe.html >probed.html
for size in 1200x2000 420x2000; do
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/browser" \
        --window-size=$(echo $size | tr x ,) --dump-dom "file://$work/probed.html" >dom 2>log || fail "the browser: $(tail -3 log)"
    checks=$((checks + 1))
    title=$(sed -n 's/.*<title>\(.*\)<\/title>.*/\1/p' dom | head -1)
    printf '%s\n' "$title" | grep -qE '^bars ([1-9][0-9]*) of \1, fusions 2, buffers [1-9][0-9]+, points [1-9][0-9]*, roofs 1, fits$' ||
        fail "in a window of $size: $title"
done
finish
