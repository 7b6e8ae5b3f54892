# Records small models with what ONNX Runtime gives for them, in the form of ONNX's backend tests: operators that Debian's tests of 1.12 do not have.
#
#   /usr/bin/python3 bench/peers/operators.py internal/verify/testdata/recorded [NAME...]
#
# It needs the package onnxruntime-node under ${PEERS:-~/.cache/dlc-peers}.
import json
import os
import shutil
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

# More of them, with numbers of their own.
rng = np.random.default_rng(2)
svc = dict(classlabels_ints=[7, 3, 5], vectors_per_class=[2, 3, 1], support_vectors=[float(x) for x in f32(24)], coefficients=[float(x) for x in f32(12)], rho=[0.25, -0.5, 0.125])
svc2 = dict(classlabels_ints=[7, 3], vectors_per_class=[2, 2], support_vectors=[float(x) for x in f32(16)], coefficients=[float(x) for x in f32(4)], rho=[0.25],
            kernel_type='RBF', kernel_params=[0.3, 0.0, 3.0])
rows = (('X', f32(8, 4)),)
rois = (('X', f32(2, 3, 9, 8)), ('R', np.array([[0, 0, 0, 7, 8], [1, 2, 1, 6, 7], [0, 3, 3, 3, 3], [1, 0, 4, 11, 5]], np.float32)))
boxes = (('X', f32(3, 2, 8, 9)), ('R', np.array([[0, 0, 7, 8], [1, 2, 6, 7], [3, 3, 5, 4], [0.5, 2, 8, 5]], np.float32)), ('I', i64(2, 0, 2, 1)))
lengths = ('L', i64(6, 5))
sequence = (('X', f32(5, 2, 3)),)
ensemble = dict(n_targets=2, aggregate_function=1, nodes_modes=numpy_helper.from_array(np.array([0, 3, 1], np.uint8)),
                nodes_splits=numpy_helper.from_array(np.array([0.1, -0.3, 0.5], np.float32)), nodes_featureids=[0, 1, 2], tree_roots=[0, 2],
                nodes_trueleafs=[0, 1, 1], nodes_truenodeids=[1, 1, 0], nodes_falseleafs=[1, 1, 1], nodes_falsenodeids=[0, 2, 3],
                leaf_targetids=[0, 1, 0, 1], leaf_weights=numpy_helper.from_array(np.array([1.5, 2, -3, 4], np.float32)))
cases |= {
    'attention_lengths': ('Attention', '', 24, attention + ((None, None),) * 3 + (lengths,), ['Y'], {}, ()),
    'attention_lengths_causal': ('Attention', '', 24, attention + ((None, None),) * 3 + (lengths,), ['Y'], {'is_causal': 1}, ()),
    'attention_lengths_softcap_mask': ('Attention', '', 24, attention + (('M', f32(4, 6)), (None, None), (None, None), lengths), ['Y', '', '', 'S'],
                                       {'softcap': 0.7, 'qk_matmul_output_mode': 3}, ()),
    'svm_classifier_rbf': ('SVMClassifier', 'ai.onnx.ml', 1, rows, ['L', 'Y'], dict(svc, kernel_type='RBF', kernel_params=[0.4, 0.0, 3.0]), ()),
    'svm_classifier_poly_softmax': ('SVMClassifier', 'ai.onnx.ml', 1, rows, ['L', 'Y'], dict(svc, kernel_type='POLY', kernel_params=[0.4, 0.3, 3.0], post_transform='SOFTMAX'), ()),
    'svm_classifier_sigmoid_logistic': ('SVMClassifier', 'ai.onnx.ml', 1, rows, ['L', 'Y'], dict(svc, kernel_type='SIGMOID', kernel_params=[0.4, 0.3, 3.0], post_transform='LOGISTIC'), ()),
    'svm_classifier_linear': ('SVMClassifier', 'ai.onnx.ml', 1, rows, ['L', 'Y'],
                              dict(classlabels_ints=[7, 3, 5], coefficients=[float(x) for x in f32(12)], rho=[0.25], kernel_type='LINEAR', kernel_params=[0.0, 0.0, 0.0]), ()),
    'svm_classifier_two': ('SVMClassifier', 'ai.onnx.ml', 1, rows, ['L', 'Y'], svc2, ()),
    'svm_classifier_two_logistic': ('SVMClassifier', 'ai.onnx.ml', 1, rows, ['L', 'Y'], dict(svc2, post_transform='LOGISTIC'), ()),
    'linear_classifier_one_row': ('LinearClassifier', 'ai.onnx.ml', 1, rows, ['L', 'Y'], dict(classlabels_ints=[7, 3], coefficients=[0.5, -1.0, 0.25, 2.0], intercepts=[0.1]), ()),
    'linear_classifier_one_row_logistic': ('LinearClassifier', 'ai.onnx.ml', 1, rows, ['L', 'Y'],
                                           dict(classlabels_ints=[7, 3], coefficients=[0.5, -1.0, 0.25, 2.0], intercepts=[0.1], post_transform='LOGISTIC'), ()),
    'linear_classifier_softmax_zero': ('LinearClassifier', 'ai.onnx.ml', 1, (('X', np.array([[1, 0], [0, 2], [0, 0], [-1, 3]], np.float32)),), ['L', 'Y'],
                                       dict(classlabels_ints=[7, 3, 5], coefficients=[1.0, 0.0, 0.0, 1.0, -1.0, 0.0], intercepts=[0.0, 0.0, 0.0], post_transform='SOFTMAX_ZERO'), ()),
    'linear_regressor_probit': ('LinearRegressor', 'ai.onnx.ml', 1, (('X', np.array([[0.1], [0.3], [0.5], [0.9], [0.99]], np.float32)),), ['Y'],
                                dict(coefficients=[1.0], intercepts=[0.0], post_transform='PROBIT'), ()),
    'one_hot_encoder': ('OneHotEncoder', 'ai.onnx.ml', 1, (('X', i64(5, 2, 9, 4)),), ['Y'], dict(cats_int64s=[2, 4, 5], zeros=1), ()),
    'max_roi_pool': ('MaxRoiPool', '', 1, rois, ['Y'], dict(pooled_shape=[3, 2]), ()),
    'max_roi_pool_scaled': ('MaxRoiPool', '', 1, rois, ['Y'], dict(pooled_shape=[2, 4], spatial_scale=0.5), ()),
    'roi_align_images': ('RoiAlign', '', 16, boxes, ['Y'], dict(output_height=2, output_width=3, sampling_ratio=2), ()),
    'roi_align_images_max': ('RoiAlign', '', 16, boxes, ['Y'], dict(output_height=2, output_width=2, sampling_ratio=2, mode='max', spatial_scale=0.5), ()),
    'average_pool_dilated': ('AveragePool', '', 19, (('X', f32(1, 2, 9, 8)),), ['Y'], dict(kernel_shape=[3, 2], dilations=[2, 3], pads=[1, 0, 2, 1], strides=[2, 1]), ()),
    'average_pool_dilated_ceil': ('AveragePool', '', 19, (('X', f32(1, 2, 9, 8)),), ['Y'], dict(kernel_shape=[2, 2], dilations=[2, 1], strides=[3, 3], ceil_mode=1, pads=[1, 1, 0, 0], count_include_pad=1), ()),
    'lp_pool_dilated': ('LpPool', '', 18, (('X', f32(1, 2, 9, 8)),), ['Y'], dict(kernel_shape=[2, 2], dilations=[2, 3], p=3), ()),
    'max_pool_indices_ceil': ('MaxPool', '', 12, (('X', f32(2, 2, 7, 8)),), ['Y', 'L'], dict(kernel_shape=[3, 2], strides=[2, 3], ceil_mode=1), ()),
    'max_pool_indices_same': ('MaxPool', '', 12, (('X', f32(2, 2, 7, 8)),), ['Y', 'L'], dict(kernel_shape=[3, 3], strides=[2, 2], auto_pad='SAME_UPPER'), ()),
    'max_pool_indices_same_lower': ('MaxPool', '', 12, (('X', f32(2, 2, 7, 8)),), ['Y', 'L'], dict(kernel_shape=[2, 2], strides=[2, 3], auto_pad='SAME_LOWER'), ()),
    'det_five': ('Det', '', 11, (('X', f32(3, 5, 5)),), ['Y'], {}, ()),
    'dequantize_blocks': ('DequantizeLinear', '', 21, (('X', rng.integers(-128, 127, (4, 6)).astype(np.int8)), ('S', np.abs(f32(4, 3))), ('Z', rng.integers(-5, 5, (4, 3)).astype(np.int8))), ['Y'],
                          dict(axis=1, block_size=2), ()),
    'lstm_clip': ('LSTM', '', 14, sequence + (('W', f32(1, 16, 3)), ('R', f32(1, 16, 4)), ('B', f32(1, 32))), ['Y', 'H', 'C'], dict(hidden_size=4, clip=0.4), ()),
    'lstm_activations': ('LSTM', '', 14, sequence + (('W', f32(1, 16, 3)), ('R', f32(1, 16, 4)), ('B', f32(1, 32))), ['Y', 'H', 'C'],
                         dict(hidden_size=4, activations=['HardSigmoid', 'Softsign', 'Elu'], activation_alpha=[0.3, 0.5], activation_beta=[0.4]), ()),
    'lstm_coupled_lengths': ('LSTM', '', 14, sequence + (('W', f32(2, 16, 3)), ('R', f32(2, 16, 4)), ('B', f32(2, 32)), ('T', np.array([5, 3], np.int32))), ['Y', 'H', 'C'],
                             dict(hidden_size=4, input_forget=1, direction='bidirectional'), ()),
    'gru_activations': ('GRU', '', 14, sequence + (('W', f32(1, 12, 3)), ('R', f32(1, 12, 4)), ('B', f32(1, 24))), ['Y', 'H'],
                        dict(hidden_size=4, activations=['Sigmoid', 'Relu'], linear_before_reset=1, direction='reverse', clip=0.9), ()),
    'rnn_activations': ('RNN', '', 14, sequence + (('W', f32(2, 4, 3)), ('R', f32(2, 4, 4)), ('B', f32(2, 8))), ['Y', 'H'],
                        dict(hidden_size=4, activations=['LeakyRelu', 'ScaledTanh'], activation_alpha=[0.2, 0.7], activation_beta=[0.8], direction='bidirectional'), ()),
    'tree_ensemble': ('TreeEnsemble', 'ai.onnx.ml', 5, rows, ['Y'], dict(ensemble), ()),
    'tree_ensemble_max': ('TreeEnsemble', 'ai.onnx.ml', 5, rows, ['Y'], dict(ensemble, aggregate_function=3), ()),
    'tree_ensemble_members': ('TreeEnsemble', 'ai.onnx.ml', 5, (('X', np.array([[1, 3], [4, -1], [7, 2], [-3, 0], [2, 4]], np.float32)),), ['Y'],
                              dict(n_targets=2, aggregate_function=1, nodes_modes=numpy_helper.from_array(np.array([6, 0, 6], np.uint8)),
                                   nodes_splits=numpy_helper.from_array(np.array([0, 2.5, 0], np.float32)), nodes_featureids=[0, 1, 0], tree_roots=[0],
                                   membership_values=numpy_helper.from_array(np.array([1, 7, -3, np.nan, 2, 9, np.nan], np.float32)),
                                   nodes_trueleafs=[0, 1, 1], nodes_truenodeids=[1, 0, 2], nodes_falseleafs=[0, 1, 1], nodes_falsenodeids=[2, 1, 3],
                                   leaf_targetids=[0, 1, 0, 1], leaf_weights=numpy_helper.from_array(np.array([1, 2, 3, 4], np.float32))), ()),
    'tree_regressor_min': ('TreeEnsembleRegressor', 'ai.onnx.ml', 3, rows, ['Y'],
                           dict(aggregate_function='MIN', n_targets=2, nodes_treeids=[0] * 3 + [1] * 3, nodes_nodeids=[0, 1, 2] * 2, nodes_featureids=[0, 0, 0, 2, 0, 0],
                                nodes_modes=['BRANCH_LEQ', 'LEAF', 'LEAF', 'BRANCH_GT', 'LEAF', 'LEAF'], nodes_values=[0.1, 0.0, 0.0, -0.2, 0.0, 0.0],
                                nodes_truenodeids=[1, 0, 0] * 2, nodes_falsenodeids=[2, 0, 0] * 2, target_treeids=[0, 0, 1, 1, 1], target_nodeids=[1, 2, 1, 2, 2],
                                target_ids=[0, 1, 0, 0, 1], target_weights=[0.5, -1.5, 2.5, -0.5, 3.5]), ()),
    'cum_prod': ('CumProd', '', 26, (('X', f32(2, 5, 3)), ('A', i64(1))), ['Y'], {}, ('A',)),
    'cum_prod_exclusive_reverse': ('CumProd', '', 26, (('X', f32(2, 5)), ('A', i64(-1))), ['Y'], {'exclusive': 1, 'reverse': 1}, ('A',)),
    'bit_cast': ('BitCast', '', 26, (('X', f32(2, 5)),), ['B'], {'to': 6}, ()),
    'label_encoder_tensors': ('LabelEncoder', 'ai.onnx.ml', 4, (('X', i64(3, 1, 7)),), ['Y'],
                              dict(keys_tensor=numpy_helper.from_array(i64(1, 3)), values_tensor=numpy_helper.from_array(f32(2)), default_tensor=numpy_helper.from_array(np.array([0.5], np.float32))), ()),
    'imputer_ints': ('Imputer', 'ai.onnx.ml', 1, (('X', i64(3, 1, 3, 7).reshape(2, 2)),), ['L'], dict(imputed_value_int64s=[8, 9], replaced_value_int64=3), ()),
    'grid_sample_volume': ('GridSample', '', 20, (('X', f32(2, 3, 4, 5, 3)), ('G', f32(2, 2, 3, 2, 3))), ['Y'], {'mode': 'linear'}, ()),
    'grid_sample_volume_reflection': ('GridSample', '', 20, (('X', f32(1, 2, 4, 5, 3)), ('G', f32(1, 2, 3, 2, 3))), ['Y'], {'mode': 'nearest', 'padding_mode': 'reflection', 'align_corners': 1}, ()),
    'batch_norm_not_spatial': ('BatchNormalization', '', 7, (('X', f32(2, 3, 2)),) + tuple((n, np.abs(f32(3, 2))) for n in 'SBMV'), ['Y'], dict(spatial=0), ()),
}

run = '''
const { createRequire } = require('module')
const ort = createRequire(process.argv[1] + '/node_modules/x.js')('onnxruntime-node')
const { file, inputs } = JSON.parse(require('fs').readFileSync(0))
ort.InferenceSession.create(file, { logSeverityLevel: 3 }).then(async s => {
  const feeds = {}
  for (const [name, type, dims, data] of inputs)
    feeds[name] = new ort.Tensor(type, type === 'int64' ? BigInt64Array.from(data.map(BigInt)) : type === 'bool' ? Uint8Array.from(data) : type === 'int32' ? Int32Array.from(data) : type === 'int8' ? Int8Array.from(data) : Float32Array.from(data), dims)
  const got = await s.run(feeds)
  console.log(JSON.stringify(Object.fromEntries(Object.entries(got).map(([k, v]) => [k, { dims: v.dims, data: Array.from(v.data, Number) }]))))
})
'''
names = {'float32': 'float32', 'int64': 'int64', 'int32': 'int32', 'int8': 'int8', 'bool': 'bool'}


def result(name):
    """The type of a result by its name: labels and places are L, bits B."""
    return {'L': TensorProto.INT64, 'B': TensorProto.INT32}.get(name, TensorProto.FLOAT)


only = sys.argv[2:]
peers = os.environ.get('PEERS', os.path.expanduser('~/.cache/dlc-peers'))
for name, (op, domain, opset, operands, results, attrs, fixed) in cases.items():
    if only and name not in only:
        continue
    given = [(n, v) for n, v in operands if n is not None]
    kind = lambda v: helper.np_dtype_to_tensor_dtype(v.dtype) if hasattr(helper, 'np_dtype_to_tensor_dtype') else numpy_helper.from_array(v).data_type
    node = helper.make_node(op, [n or '' for n, _ in operands], results, domain=domain, **attrs)
    graph = helper.make_graph([node], name, [helper.make_tensor_value_info(n, kind(v), v.shape) for n, v in given if n not in fixed],
                              [helper.make_tensor_value_info(r, result(r), None) for r in results if r],
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
        print(f'{name}: {done.stderr}', file=sys.stderr)
        shutil.rmtree(folder)
        continue
    got = json.loads(done.stdout)
    for i, (n, v) in enumerate(inputs):
        with open(os.path.join(data, f'input_{i}.pb'), 'wb') as f:
            f.write(numpy_helper.from_array(v, n).SerializeToString())
    for i, r in enumerate(r for r in results if r):
        y = np.array(got[r]['data'], {TensorProto.INT64: np.int64, TensorProto.INT32: np.int32}.get(result(r), np.float32)).reshape(got[r]['dims'])
        with open(os.path.join(data, f'output_{i}.pb'), 'wb') as f:
            f.write(numpy_helper.from_array(y, r).SerializeToString())
    print(name)
