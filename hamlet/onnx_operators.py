"""What an ONNX file may hold that a server is to run: plain arithmetic on tensors.

A list of what is allowed and not of what is forbidden: an operator that nobody thought of is
refused. Left out on purpose: control flow (If, Loop, Scan, SequenceMap), sequences, optionals and
strings, random numbers, training, and everything outside of the default domain.
Source: https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

DOMAINS = ("", "ai.onnx")
OLDEST_OPSET, NEWEST_OPSET = 13, 23
OLDEST_IR, NEWEST_IR = 4, 13

_ARITHMETIC = """
    Abs Add Ceil Clip Cos CumSum Div Einsum Erf Exp Floor Gemm Log MatMul Max Mean Min Mod Mul Neg
    Pow Reciprocal Round Sign Sin Sqrt Sub Sum Tan Tanh Sinh Cosh Asin Acos Atan Asinh Acosh Atanh
"""
_ACTIVATIONS = """
    Celu Elu Gelu HardSigmoid HardSwish Hardmax LeakyRelu LogSoftmax Mish PRelu Relu Selu Sigmoid
    Softmax Softplus Softsign Swish ThresholdedRelu
"""
_LAYERS = """
    Attention AveragePool BatchNormalization Conv ConvTranspose Dropout GRU GlobalAveragePool
    GlobalMaxPool GroupNormalization InstanceNormalization LRN LSTM LayerNormalization
    LpNormalization MaxPool MeanVarianceNormalization RMSNormalization RNN RotaryEmbedding
"""
_REDUCTIONS = """
    ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
    ReduceProd ReduceSum ReduceSumSquare TopK
"""
_LOGIC = """
    And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Where Xor
"""
_SHAPES = """
    Cast CastLike Concat Constant ConstantOfShape DepthToSpace Expand EyeLike Flatten Gather
    GatherElements GatherND Identity OneHot Pad Range Reshape Resize ReverseSequence ScatterElements
    ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze
"""
_QUANTIZED = """
    ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul
    QuantizeLinear
"""
OPERATORS = frozenset(
    " ".join([_ARITHMETIC, _ACTIVATIONS, _LAYERS, _REDUCTIONS, _LOGIC, _SHAPES, _QUANTIZED]).split()
)
CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
