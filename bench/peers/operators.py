# Records small models with what ONNX Runtime gives for them, in the form of ONNX's backend tests: operators that Debian's tests of 1.12 do not have.
#
#   /usr/bin/python3 bench/peers/operators.py internal/verify/testdata/recorded
#
# It needs the package onnxruntime-node under ${PEERS:-~/.cache/dlc-peers}.
import json
import os
import subprocess
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(1)


def f32(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def i64(*values):
    return np.array(values, np.int64)


attention = (('Q', f32(2, 3, 4, 8)), ('K', f32(2, 3, 6, 8)), ('V', f32(2, 3, 6, 5)))
angles = rng.uniform(-3, 3, (50, 4)).astype(np.float32)
svm = dict(coefficients=[0.5, -1.5, 2.0], support_vectors=[float(x) for x in f32(12)], rho=[0.25], n_supports=3)

# By name: operator, domain, opset, operands (None: left out), results, attributes, operands that are constants of the model.
cases = {
    'attention_4d': ('Attention', '', 23, attention, ['Y'], {}, ()),
    'attention_scaled_mask': ('Attention', '', 23, attention + (('M', f32(4, 6)),), ['Y'], {'scale': 0.3}, ()),
    'attention_bool_mask': ('Attention', '', 23, attention + (('M', np.array([[1, 1, 0, 1, 0, 1]] * 4, bool)),), ['Y'], {}, ()),
    'attention_causal_gqa': ('Attention', '', 23, (('Q', f32(2, 6, 4, 8)), ('K', f32(2, 2, 4, 8)), ('V', f32(2, 2, 4, 8))), ['Y'], {'is_causal': 1}, ()),
    'attention_3d': ('Attention', '', 23, (('Q', f32(2, 4, 24)), ('K', f32(2, 6, 24)), ('V', f32(2, 6, 24))), ['Y'], {'q_num_heads': 3, 'kv_num_heads': 3}, ()),
    'attention_past': ('Attention', '', 23, attention + ((None, None), ('PK', f32(2, 3, 2, 8)), ('PV', f32(2, 3, 2, 5))), ['Y', 'NK', 'NV'], {}, ()),
    'attention_softcap_mask': ('Attention', '', 23, attention + (('M', f32(4, 6)),), ['Y'], {'softcap': 0.7}, ()),
    'attention_causal_wide': ('Attention', '', 23, attention, ['Y'], {'is_causal': 1}, ()),
    'attention_scores_masked': ('Attention', '', 23, attention + (('M', f32(4, 6)),), ['Y', '', '', 'S'], {'qk_matmul_output_mode': 2, 'softcap': 0.7}, ()),
    'attention_scores_softcap': ('Attention', '', 23, attention + (('M', f32(4, 6)),), ['Y', '', '', 'S'], {'qk_matmul_output_mode': 1, 'softcap': 0.7}, ()),
    'attention_scores': ('Attention', '', 23, attention + (('M', f32(4, 6)),), ['Y', '', '', 'S'], {'qk_matmul_output_mode': 1}, ()),
    'attention_softcap_causal': ('Attention', '', 23, attention, ['Y', '', '', 'S'], {'is_causal': 1, 'softcap': 0.7, 'qk_matmul_output_mode': 3}, ()),
    'rotary': ('RotaryEmbedding', '', 23, (('X', f32(2, 3, 4, 8)), ('C', np.cos(angles)), ('S', np.sin(angles)), ('P', rng.integers(0, 50, (2, 4)))), ['Y'], {}, ()),
    'rotary_interleaved_3d': ('RotaryEmbedding', '', 23, (('X', f32(2, 4, 24)), ('C', np.cos(angles)), ('S', np.sin(angles)), ('P', rng.integers(0, 50, (2, 4)))), ['Y'],
                              {'interleaved': 1, 'num_heads': 3}, ()),
    'rotary_partial': ('RotaryEmbedding', '', 23, (('X', f32(2, 3, 4, 12)), ('C', np.cos(angles)), ('S', np.sin(angles)), ('P', rng.integers(0, 50, (2, 4)))), ['Y'],
                       {'rotary_embedding_dim': 8, 'num_heads': 3}, ()),
    'tensor_scatter': ('TensorScatter', '', 24, (('P', f32(2, 3, 6, 4)), ('U', f32(2, 3, 2, 4)), ('W', i64(1, 3))), ['Y'], {}, ()),
    'tensor_scatter_circular': ('TensorScatter', '', 24, (('P', f32(2, 6, 4)), ('U', f32(2, 3, 4)), ('W', i64(5, 2))), ['Y'], {'mode': 'circular', 'axis': 1}, ()),
    'affine_grid_2d': ('AffineGrid', '', 20, (('T', f32(2, 2, 3)), ('S', i64(2, 3, 5, 6))), ['Y'], {}, ('S',)),
    'affine_grid_3d_corners': ('AffineGrid', '', 20, (('T', f32(2, 3, 4)), ('S', i64(2, 1, 4, 5, 6))), ['Y'], {'align_corners': 1}, ('S',)),
    'center_crop_pad': ('CenterCropPad', '', 18, (('X', f32(10, 7, 3)), ('S', i64(5, 10, 3))), ['Y'], {}, ('S',)),
    'center_crop_pad_axes': ('CenterCropPad', '', 18, (('X', f32(3, 20, 8)), ('S', i64(9, 13))), ['Y'], {'axes': [2, 1]}, ('S',)),
    'col2im': ('Col2Im', '', 18, (('X', f32(1, 5, 5)), ('I', i64(5, 5)), ('B', i64(1, 5))), ['Y'], {}, ('I', 'B')),
    'col2im_strides_pads_dilations': ('Col2Im', '', 18, (('X', f32(2, 18, 15)), ('I', i64(8, 8)), ('B', i64(3, 3))), ['Y'],
                                      {'strides': [2, 2], 'pads': [1, 1, 2, 1], 'dilations': [1, 2]}, ('I', 'B')),
    'deform_conv': ('DeformConv', '', 19, (('X', f32(1, 2, 5, 6)), ('W', f32(3, 2, 3, 3)), ('O', f32(1, 18, 5, 6)), ('B', f32(3))), ['Y'], {'pads': [1, 1, 1, 1]}, ('W', 'B')),
    'deform_conv_groups_mask': ('DeformConv', '', 19, (('X', f32(2, 4, 7, 6)), ('W', f32(4, 2, 2, 3)), ('O', 3 * f32(2, 24, 3, 2)), (None, None), ('M', f32(2, 12, 3, 2))), ['Y'],
                                {'group': 2, 'offset_group': 2, 'strides': [2, 2], 'dilations': [1, 1]}, ('W',)),
    'svm_regressor_rbf': ('SVMRegressor', 'ai.onnx.ml', 1, (('X', f32(5, 4)),), ['Y'], dict(svm, kernel_type='RBF', kernel_params=[0.4, 0.0, 3.0]), ()),
    'svm_regressor_poly': ('SVMRegressor', 'ai.onnx.ml', 1, (('X', f32(5, 4)),), ['Y'], dict(svm, kernel_type='POLY', kernel_params=[0.4, 0.3, 3.0]), ()),
    'svm_regressor_sigmoid': ('SVMRegressor', 'ai.onnx.ml', 1, (('X', f32(5, 4)),), ['Y'], dict(svm, kernel_type='SIGMOID', kernel_params=[0.4, 0.3, 3.0]), ()),
    'svm_regressor_linear': ('SVMRegressor', 'ai.onnx.ml', 1, (('X', f32(5, 4)),), ['Y'],
                             dict(coefficients=[0.5, -1.5, 2.0, 1.0], rho=[0.25], kernel_type='LINEAR', kernel_params=[0.0, 0.0, 0.0]), ()),
}

run = '''
const { createRequire } = require('module')
const ort = createRequire(process.argv[1] + '/node_modules/x.js')('onnxruntime-node')
const { file, inputs } = JSON.parse(require('fs').readFileSync(0))
ort.InferenceSession.create(file, { logSeverityLevel: 3 }).then(async s => {
  const feeds = {}
  for (const [name, type, dims, data] of inputs)
    feeds[name] = new ort.Tensor(type, type === 'int64' ? BigInt64Array.from(data.map(BigInt)) : type === 'bool' ? Uint8Array.from(data) : Float32Array.from(data), dims)
  const got = await s.run(feeds)
  console.log(JSON.stringify(Object.fromEntries(Object.entries(got).map(([k, v]) => [k, { dims: v.dims, data: Array.from(v.data) }]))))
})
'''
names = {'float32': 'float32', 'int64': 'int64', 'bool': 'bool'}
peers = os.environ.get('PEERS', os.path.expanduser('~/.cache/dlc-peers'))
for name, (op, domain, opset, operands, results, attrs, fixed) in cases.items():
    given = [(n, v) for n, v in operands if n is not None]
    kind = lambda v: helper.np_dtype_to_tensor_dtype(v.dtype) if hasattr(helper, 'np_dtype_to_tensor_dtype') else numpy_helper.from_array(v).data_type
    node = helper.make_node(op, [n or '' for n, _ in operands], results, domain=domain, **attrs)
    graph = helper.make_graph([node], name, [helper.make_tensor_value_info(n, kind(v), v.shape) for n, v in given if n not in fixed],
                              [helper.make_tensor_value_info(r, TensorProto.FLOAT, None) for r in results if r],
                              [numpy_helper.from_array(v, n) for n, v in given if n in fixed])
    opsets = [helper.make_opsetid(domain, opset)] + ([helper.make_opsetid('', 17)] if domain else [])
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    folder = os.path.join(sys.argv[1], 'test_' + name)
    data = os.path.join(folder, 'test_data_set_0')
    os.makedirs(data, exist_ok=True)
    file = os.path.join(folder, 'model.onnx')
    with open(file, 'wb') as f:
        f.write(model.SerializeToString())
    inputs = [(n, v) for n, v in given if n not in fixed]
    task = {'file': file, 'inputs': [[n, names[str(v.dtype)], list(v.shape), v.reshape(-1).tolist()] for n, v in inputs]}
    done = subprocess.run(['node', '-e', run, peers], input=json.dumps(task), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'{name}: {done.stderr}')
    got = json.loads(done.stdout)
    for i, (n, v) in enumerate(inputs):
        with open(os.path.join(data, f'input_{i}.pb'), 'wb') as f:
            f.write(numpy_helper.from_array(v, n).SerializeToString())
    for i, r in enumerate(r for r in results if r):
        y = np.array(got[r]['data'], np.float32).reshape(got[r]['dims'])
        with open(os.path.join(data, f'output_{i}.pb'), 'wb') as f:
            f.write(numpy_helper.from_array(y, r).SerializeToString())
    print(name)
