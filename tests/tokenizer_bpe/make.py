"""Makes the tokenizers of this folder and records what Hugging Face's `tokenizers` gives: python make.py [FOLDER...]

Without arguments: trains small tokenizers of Gemma's and Qwen2's kind (the same normaliser, pre-tokeniser, decoder and
settings as the published files) on the project's documentation, and records texts and ids of each.  With folders: records
vectors of the tokenizer.json in each, or of its tokenizer.model, for instance of a published one.  Needs: pip install tokenizers sentencepiece"""
import glob, gzip, json, os, random, sys
import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

here = os.path.dirname(os.path.abspath(__file__))
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SPEC = {'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': False, 'special': True}


def corpus():
    for path in sorted(glob.glob(os.path.join(here, '../../docs/*.md'))):
        yield from open(path, encoding='utf-8')
    yield from ['Ein Krebs über Äpfel, garçon, naïve façade, Ελληνικά Русский язык 日本語の文章 中文句子 한국어 🎨🦀 שלום مرحبا'] * 40


def trained(size, byte_level):
    """[(left, right)], single symbols."""
    t = Tokenizer(models.BPE())
    if byte_level:
        t.normalizer = normalizers.NFC()
        t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), 'isolated'),
                                                   pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        t.normalizer = normalizers.Replace(' ', '\u2581')
        t.pre_tokenizer = pre_tokenizers.Split(Regex('\u2581+[^\u2581]*|[^\u2581]+'), 'isolated')
        alphabet = ['\u2581']
    limit = 1000 if byte_level else max(4, size // 4)
    t.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, limit_alphabet=limit,
                                                        show_progress=False))
    model = json.loads(t.to_str())['model']
    merges = [m if isinstance(m, list) else m.split(' ') for m in model['merges']]
    return merges, sorted(model['vocab'], key=model['vocab'].get)


def write(folder, root, config):
    os.makedirs(folder, exist_ok=True)
    json.dump(root, open(os.path.join(folder, 'tokenizer.json'), 'w'), ensure_ascii=True, separators=(',', ':'))
    json.dump(config, open(os.path.join(folder, 'tokenizer_config.json'), 'w'), indent=1)


def qwen2(folder, size, image_tokens):
    merges, symbols = trained(size, True)
    vocab = {s: i for i, s in enumerate(symbols)}
    added = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] + image_tokens
    root = {'version': '1.0', 'truncation': None, 'padding': None,
            'added_tokens': [{'id': len(vocab) + i, 'content': s, **SPEC} for i, s in enumerate(added)],
            'normalizer': {'type': 'NFC'},
            'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': [
                {'type': 'Split', 'pattern': {'Regex': QWEN2}, 'behavior': 'Isolated', 'invert': False},
                {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': False, 'use_regex': False}]},
            'post_processor': {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': False, 'use_regex': False},
            'decoder': {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': False, 'use_regex': False},
            'model': {'type': 'BPE', 'dropout': None, 'unk_token': None, 'continuing_subword_prefix': '',
                      'end_of_word_suffix': '', 'fuse_unk': False, 'byte_fallback': False, 'ignore_merges': False,
                      'vocab': vocab, 'merges': [' '.join(m) for m in merges]}}
    write(folder, root, {'model_max_length': 32768, 'pad_token': '<|endoftext|>', 'eos_token': '<|im_end|>'})


def gemma(folder, size, image_id, more):
    """bytes: <0x00> to <0xFF> behind the special tokens, as in the published files."""
    first = ['<pad>', '<eos>', '<bos>', '<unk>', '<mask>', '<start_of_turn>', '<end_of_turn>', '\n\n', '\u2581\u2581', '<b>']
    if more:
        first += ['<loc%04d>' % i for i in range(0, 1024, 16)]
    byte_tokens = ['<0x%02X>' % b for b in range(256)]
    merges, symbols = trained(size - len(first) - 257, False)
    symbols = [s for s in symbols if s not in first]
    merges = [m for m in merges if m[0] + m[1] not in first]
    vocab = {s: i for i, s in enumerate(first + byte_tokens)}
    for s in symbols:
        vocab[s] = len(vocab) + (1 if image_id is not None and len(vocab) >= image_id else 0)
    image_id = len(vocab) if image_id is None else image_id
    assert image_id not in vocab.values()
    plain = {'\n\n', '\u2581\u2581', '<b>'}
    root = {'version': '1.0', 'truncation': None, 'padding': None,
            'added_tokens': [{'id': vocab[s], 'content': s, **SPEC, 'special': s not in plain} for s in first]
                            + [{'id': image_id, 'content': '<image>', **SPEC}],
            'normalizer': {'type': 'Replace', 'pattern': {'String': ' '}, 'content': '\u2581'},
            'pre_tokenizer': {'type': 'Split', 'pattern': {'String': ' '}, 'behavior': 'MergedWithPrevious', 'invert': False},
            'post_processor': {'type': 'TemplateProcessing',
                               'single': [{'SpecialToken': {'id': '<bos>', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}],
                               'pair': [{'Sequence': {'id': 'A', 'type_id': 0}}, {'Sequence': {'id': 'B', 'type_id': 1}}],
                               'special_tokens': {'<bos>': {'id': '<bos>', 'ids': [2], 'tokens': ['<bos>']}}},
            'decoder': {'type': 'Sequence', 'decoders': [
                {'type': 'Replace', 'pattern': {'String': '\u2581'}, 'content': ' '}, {'type': 'ByteFallback'}, {'type': 'Fuse'}]},
            'model': {'type': 'BPE', 'dropout': None, 'unk_token': '<unk>', 'continuing_subword_prefix': None,
                      'end_of_word_suffix': None, 'fuse_unk': True, 'byte_fallback': True, 'ignore_merges': False,
                      'vocab': vocab, 'merges': merges if more else [' '.join(m) for m in merges]}}
    write(folder, root, {'model_max_length': int(1e30), 'pad_token': '<pad>', 'eos_token': {'content': '<eos>'}})


def texts(added):
    rng = random.Random(7)
    rows = json.load(gzip.open(os.path.join(here, '../tokenizer/clip/vectors.json.gz')))['vectors']
    out = [r['text'] for r in rows if len(r['text']) <= 160]
    out += ['', ' ', '  ', '\n', '\r\n', '\n\n\n', ' \n ', 'a  b   c    d', '   leading', 'trailing   ', '\ttab\t\ttabs', 'a\u00a0b\u2003c\u3000d',
            "I'm you're he'll we've she'd it's don't I'M YOU'RE HE'LL IT'S '\u017f x'\u017fy", 'int main(void)\r\n{\r\n\treturn 0;\r\n}\r\n',
            'for (int i = 0; i < n; i++)\n    sum += a[i] * b[i];   // dot\n', '1234567890 3.14159 1,000,000 \u0661\u0662\u0663 \u2167 \u00bd',
            'e\u0301 \u00e9 \u1e9b\u0323 \ufb01 \u212b \uac00\u11a8', '\u0130stanbul \u00df \u1e9e', 'x' * 300, 'ab' * 200, '!' * 100, 'a\x00b', '\ufffd\ufeff\u200d',
            '\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f3fd \U0010ffff \ue000', 'What is in the image?\n', 'answer en how many crabs are there?\n',
            '\u2581under\u2581\u2581bars', '<0x41><0x0A>', 'Donaudampfschifffahrtsgesellschaftskapit\u00e4nsm\u00fctze',
            'https://example.org/a?b=c&d=%20#e', '\u4f60\u597d\uff0c\u4e16\u754c\uff01\u8fd9\u662f\u4e00\u4e2a\u6d4b\u8bd5\u3002', '\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01', '\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e']
    for s in added[:24]:
        out += [s, 'a' + s + 'b', 'a ' + s + ' b', s + s, s[:-1], s.upper(), ' ' + s + '\n']
    letters = 'abcdeXYZ  \n\r\t\'.,!?-_0129<>|' + '\u00e9\u00df\u0301\u2581\u4e2d\u6587\u0410\u044f\U0001f980\u200d\u00a0\u0e01\u0e34\u0627\u0644'
    out += [''.join(rng.choice(letters) for _ in range(rng.randrange(1, 60))) for _ in range(300)]
    out += [''.join(chr(rng.choice([rng.randrange(32, 0x500), rng.randrange(0x2000, 0x3100), rng.randrange(0x1f300, 0x1fb00)]))
                    for _ in range(rng.randrange(1, 24))) for _ in range(120)]
    return out


def record(folder):
    t = Tokenizer.from_file(os.path.join(folder, 'tokenizer.json'))
    rng = random.Random(11)
    added = [a.content for _, a in sorted(t.get_added_tokens_decoder().items())]
    rows = []
    for s in texts(added):
        ids = t.encode(s).ids
        row = {'text': s, 'ids': ids}
        for key, skip in (('decoded', True), ('shown', False)):
            d = t.decode(ids, skip_special_tokens=skip)
            if d != s:
                row[key] = d
        rows.append(row)
    n = t.get_vocab_size()
    drawn = [[rng.randrange(n + 3) for _ in range(rng.randrange(1, 14))] for _ in range(150)]
    first = min(i for i in (t.token_to_id('<0x00>'), t.token_to_id('!')) if i is not None)
    drawn += [[rng.randrange(first, first + 256) for _ in range(rng.randrange(1, 9))] for _ in range(150)]
    decoded = [{'ids': i, 'decoded': t.decode(i), 'shown': t.decode(i, skip_special_tokens=False)} for i in drawn]
    with gzip.GzipFile(os.path.join(folder, 'vectors.json.gz'), 'wb', 9, mtime=0) as f:
        f.write(json.dumps({'tokenizer': 'tokenizers ' + tokenizers.__version__, 'vectors': rows, 'decoded': decoded},
                           ensure_ascii=True, separators=(',', ':')).encode())
    print(folder, n, 'tokens,', len(rows), 'texts')


def sentencepiece_model(folder):
    """A tokenizer.model with Gemma's settings, and what the library itself gives."""
    import io
    import sentencepiece as sp
    os.makedirs(folder, exist_ok=True)
    out = io.BytesIO()
    sp.SentencePieceTrainer.train(
        sentence_iterator=(s.rstrip('\n') for s in corpus()), model_writer=out, model_type='bpe', vocab_size=900, byte_fallback=True,
        normalization_rule_name='identity', add_dummy_prefix=False, remove_extra_whitespaces=False, pad_id=0, eos_id=1, bos_id=2,
        unk_id=3, user_defined_symbols=['\u2581\u2581', '<b>', '\n\n'], split_digits=True, allow_whitespace_only_pieces=True,
        minloglevel=2)
    open(os.path.join(folder, 'tokenizer.model'), 'wb').write(out.getvalue())
    record_model(folder)


def record_model(folder):
    import sentencepiece as sp
    t = sp.SentencePieceProcessor(model_file=os.path.join(folder, 'tokenizer.model'))
    special = [t.id_to_piece(i) for i in range(t.get_piece_size()) if t.is_control(i) or t.is_unknown(i)]
    rows = []
    for s in texts([]):
        if '\x00' in s or any(c in s for c in ['<s>', '</s>'] + special):              # here these are cut out of a text
            continue
        ids = t.encode(s)
        d = t.decode(ids)
        rows.append({'text': s, 'ids': ids, **({} if d == s else {'decoded': d, 'shown': d})})
    with gzip.GzipFile(os.path.join(folder, 'vectors.json.gz'), 'wb', 9, mtime=0) as f:
        f.write(json.dumps({'tokenizer': 'sentencepiece ' + sp.__version__, 'vectors': rows, 'decoded': []},
                           ensure_ascii=True, separators=(',', ':')).encode())
    print(folder, t.get_piece_size(), 'tokens,', len(rows), 'texts')


if len(sys.argv) == 1:
    sentencepiece_model(os.path.join(here, 'spiece'))
    parts = ['<unk>', '<image>', '</image>', '<slice>', '</slice>']
    qwen2(os.path.join(here, 'qwen2'), 1000, parts)
    gemma(os.path.join(here, 'gemma'), 1200, None, True)
    qwen2(os.path.join(here, 'qwen2-320'), 300, parts)
    gemma(os.path.join(here, 'gemma-320'), 319, 300, False)
    folders = [os.path.join(here, f) for f in ('qwen2', 'gemma')]
for f in sys.argv[1:] or folders:
    (record if os.path.exists(os.path.join(f, 'tokenizer.json')) else record_model)(f)
