"""Records what diffusers' mask processor makes of ../depth/picture.png for 128x128, mask.npz: python make.py."""
import os
import numpy
from PIL import Image
from diffusers.image_processor import VaeImageProcessor

here = os.path.dirname(os.path.abspath(__file__))
processor = VaeImageProcessor(vae_scale_factor=8, do_normalize=False, do_binarize=True, do_convert_grayscale=True)
mask = processor.preprocess(Image.open(f'{here}/../depth/picture.png'), height=128, width=128).numpy()
numpy.savez_compressed(f'{here}/mask.npz', mask=mask.astype(numpy.float32))
print('white:', mask.mean())
