"""Records what transformers' CLIPTokenizer gives: python make.py CASE...   (clip/ is not made here; see README.md)

A case is a folder here.  Its tokenizer is the emoji model's with the files of the case laid over it; vectors.json
gets the ids of the short texts of clip/vectors.json.gz (where the case has other special tokens, of those that may show
them), and of a few more about special tokens."""
import gzip, json, os, shutil, sys, tempfile
os.environ['HF_HUB_OFFLINE'] = '1'
import tokenizers, transformers

here = os.path.dirname(os.path.abspath(__file__))
base = os.path.join(here, '../../models/emoji/tokenizer')
extra = ['a crab!', '!', '!!', 'a ! b', '<|ENDOFTEXT|>', 'x<|StartOfText|>y', '<|endoftext|>!!', '!<|ENDOFTEXT|>!!',
         'a  <|endoftext|>  b', ' <|endoftext|>', '<Crab>', 'a <crab> or a<CRAB>', '<crab><crab>', 'cat</w>', '<pad>',
         'an emoji of a crab, a picture of a red apple, ' * 3]
texts = [v['text'] for v in json.load(gzip.open(os.path.join(here, 'clip/vectors.json.gz')))['vectors'] if len(v['text']) <= 48]
for case in sys.argv[1:]:
    folder, own = tempfile.mkdtemp(), os.path.join(here, case)
    for source in base, own:
        for name in os.listdir(source):
            if name != 'vectors.json':
                shutil.copy(os.path.join(source, name), folder)
    t = transformers.CLIPTokenizer.from_pretrained(folder)
    rows = [{'text': s, 'ids': t(s).input_ids} for s in texts + extra if case == 'emoji' or '!' in s or '<' in s or s in extra]
    for r in rows:
        n, p = len(r['ids']), t(r['text'], padding='max_length', truncation=True, max_length=t.model_max_length).input_ids
        k = min(n, len(p))
        assert p == r['ids'][:k - 1] + [t.eos_token_id] + [t.pad_token_id] * (len(p) - k), r
    json.dump({'tokenizer': f'transformers {transformers.__version__} CLIPTokenizer (tokenizers {tokenizers.__version__})',
               'folder': 'models/emoji/tokenizer', 'max_length': t.model_max_length, 'pad': t.pad_token_id, 'vectors': rows},
              open(os.path.join(own, 'vectors.json'), 'w'), ensure_ascii=True, separators=(',', ':'))
    shutil.rmtree(folder)
    print(case, len(rows))
