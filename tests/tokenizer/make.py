"""Records what transformers' CLIPTokenizer gives: python make.py CASE...   (clip/ is not made here; see README.md)

A case is a folder here.  Its tokenizer is the emoji model's with the files of the case laid over it; vectors.json
gets the ids of the short texts of clip/vectors.json.gz (where the case has other special tokens, of those that may show
them), and of a few more about special tokens.

The cases of `saved` are made from the first merges of clip/: what save_pretrained() writes, a tokenizer.json and a
tokenizer_config.json, of which transformers must make the same ids as of vocab.json, merges.txt and
added_tokens_decoder."""
import gzip, json, os, shutil, sys, tempfile
os.environ['HF_HUB_OFFLINE'] = '1'
import tokenizers, transformers

here = os.path.dirname(os.path.abspath(__file__))
base = os.path.join(here, '../../models/emoji/tokenizer')
extra = ['a crab!', '!', '!!', 'a ! b', '<|ENDOFTEXT|>', 'x<|StartOfText|>y', '<|endoftext|>!!', '!<|ENDOFTEXT|>!!',
         'a  <|endoftext|>  b', ' <|endoftext|>', '<Crab>', 'a <crab> or a<CRAB>', '<crab><crab>', 'cat</w>', '<pad>',
         'an emoji of a crab, a picture of a red apple, ' * 3]
texts = [v['text'] for v in json.load(gzip.open(os.path.join(here, 'clip/vectors.json.gz')))['vectors'] if len(v['text']) <= 48]
MERGES = 700


def first_merges():
    vocab = json.load(gzip.open(os.path.join(here, 'clip/vocab.json.gz')))
    merges = gzip.open(os.path.join(here, 'clip/merges.txt.gz'), 'rt', encoding='utf-8').read().split('\n')[1:MERGES + 1]
    vocab = {t: i for t, i in vocab.items() if i < 512 + MERGES}
    return {**vocab, '<|startoftext|>': 512 + MERGES, '<|endoftext|>': 513 + MERGES}, [tuple(m.split(' ')) for m in merges]


def plain():
    vocab, merges = first_merges()
    return transformers.CLIPTokenizer(vocab=vocab, merges=merges, pad_token='!', model_max_length=77)


def with_more():
    vocab, merges = first_merges()
    t = transformers.CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=16)
    t.add_tokens([tokenizers.AddedToken('<Apple>', normalized=True), tokenizers.AddedToken('cat</w>', normalized=False)])
    t.add_special_tokens({'pad_token': '<crab>'})
    return t


saved = {'saved': plain, 'saved-added': with_more}


def save(tokenizer, folder):
    """What save_pretrained() writes, without spaces and packed; checked against the older spelling."""
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as new, tempfile.TemporaryDirectory() as old:
        tokenizer.save_pretrained(new)
        assert sorted(os.listdir(new)) == ['tokenizer.json', 'tokenizer_config.json']
        root, config = (json.load(open(os.path.join(new, n))) for n in ('tokenizer.json', 'tokenizer_config.json'))
        config = {k: v for k, v in config.items() if k not in ('is_local', 'local_files_only')}
        with gzip.GzipFile(os.path.join(folder, 'tokenizer.json.gz'), 'wb', mtime=0) as f:
            f.write(json.dumps(root, ensure_ascii=False, separators=(',', ':')).encode())
        json.dump(config, open(os.path.join(folder, 'tokenizer_config.json'), 'w'), indent=1)
        decoder = {str(t.pop('id')): t for t in root['added_tokens']}
        json.dump(dict(config, added_tokens_decoder=decoder), open(os.path.join(old, 'tokenizer_config.json'), 'w'))
        json.dump(root['model']['vocab'], open(os.path.join(old, 'vocab.json'), 'w'))
        with open(os.path.join(old, 'merges.txt'), 'w', encoding='utf-8') as f:
            f.write('#version: 0.2\n' + ''.join(' '.join(m) + '\n' for m in root['model']['merges']))
        a, b = (transformers.CLIPTokenizer.from_pretrained(f) for f in (new, old))
        assert all(a(s).input_ids == b(s).input_ids for s in texts + extra)


def record(case, own, t, rows, base):
    for r in rows:
        n, p = len(r['ids']), t(r['text'], padding='max_length', truncation=True, max_length=t.model_max_length).input_ids
        k = min(n, len(p))
        assert p == r['ids'][:k - 1] + [t.eos_token_id] + [t.pad_token_id] * (len(p) - k), r
    json.dump({'tokenizer': f'transformers {transformers.__version__} CLIPTokenizer (tokenizers {tokenizers.__version__})',
               **base, 'max_length': t.model_max_length, 'pad': t.pad_token_id, 'vectors': rows},
              open(os.path.join(own, 'vectors.json'), 'w'), ensure_ascii=True, separators=(',', ':'))
    print(case, len(rows))


for case in sys.argv[1:]:
    folder, own = tempfile.mkdtemp(), os.path.join(here, case)
    if case in saved:
        save(saved[case](), own)
    for source in [own] if case in saved else [base, own]:
        for name in os.listdir(source):
            if name.endswith('.gz'):
                open(os.path.join(folder, name[:-3]), 'wb').write(gzip.open(os.path.join(source, name)).read())
            elif name != 'vectors.json':
                shutil.copy(os.path.join(source, name), folder)
    t = transformers.CLIPTokenizer.from_pretrained(folder)
    every = case in ('emoji', 'saved')
    rows = [{'text': s, 'ids': t(s).input_ids} for s in texts + extra if every or '!' in s or '<' in s or s in extra]
    record(case, own, t, rows, {} if case in saved else {'folder': 'models/emoji/tokenizer'})
    shutil.rmtree(folder)
