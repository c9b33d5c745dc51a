"""Makes a depth model of one convolution, model.onnx, a picture, and what the model says of it by onnxruntime behind
transformers' DPTImageProcessor on Pillow, depth.npy, and as 16-bit grey, depth.png: python make.py, into this folder."""
import os
import numpy, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

here, side = os.path.dirname(os.path.abspath(__file__)), 48
os.chdir(here)
weights = numpy.tile(numpy.float32([0.2, -0.5, 0.8]).reshape(1, 3, 1, 1) / 9, (1, 1, 3, 3))
graph = helper.make_graph(
    [helper.make_node('Conv', ['pixel_values', 'weights'], ['map'], pads=[1, 1, 1, 1], strides=[2, 2]),
     helper.make_node('Squeeze', ['map', 'axis'], ['predicted_depth'])], 'depth',
    [helper.make_tensor_value_info('pixel_values', TensorProto.FLOAT, ['batch', 3, 'height', 'width'])],
    [helper.make_tensor_value_info('predicted_depth', TensorProto.FLOAT, ['batch', 'rows', 'columns'])],
    [numpy_helper.from_array(weights, 'weights'), numpy_helper.from_array(numpy.int64([1]), 'axis')])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, 'model.onnx')
y, x = numpy.mgrid[0:60, 0:85]
pixels = numpy.stack([numpy.sin(x / 9) * 100 + 120, y * 3, numpy.cos((x + y) / 13) * 90 + 110], -1).clip(0, 255).astype('uint8')
Image.fromarray(pixels).save('picture.png')
values = DPTImageProcessorPil(size={'height': side, 'width': side})(Image.fromarray(pixels), return_tensors='np').pixel_values
session = onnxruntime.InferenceSession('model.onnx')
depth = session.run(None, {'pixel_values': numpy.float32(values)})[0]
numpy.save('depth.npy', depth)
low, high = depth.min(), depth.max()
Image.fromarray(numpy.rint((depth[0] - low) / (high - low) * 65535).astype('uint16')).save('depth.png')
open('config.json', 'w').write('{"image_size": %d}\n' % side)
