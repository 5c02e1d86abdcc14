"""The words of a .tflite file: tables and their fields, operators, types of numbers.

This is the part of LiteRT's schema (tflite/converter/schema/schema.fbs, version 3, identifier TFL3)
that image classifiers need. A .tflite file is a FlatBuffer:

    root        u32 at 0: where the table Model is;  4: "TFL3"
    table       i32: how far before it its vtable is;  then its fields, as the vtable says
    vtable      u16: its bytes;  u16: the table's bytes;  u16 for each slot: where in the table the
                field of that slot is, 0 where it has its default
    vector      u32: how many;  then these, numbers side by side, or u32 offsets to tables, strings
    offset      u32: how far behind itself what is meant is

A field's place in TABLES is its slot; "_" is one that is neither written nor read. Kinds are a
number ("i32", "bool", "i32=1" where 1 is the default), "str", "[i32]" and "[Table]" for vectors,
"Table", and "*" for the union whose member the field before it tells.
"""

IDENTIFIER, VERSION = b"TFL3", 3

TABLES = {
    "Model": "version:u32 operator_codes:[OperatorCode] subgraphs:[SubGraph] description:str "
    "buffers:[Buffer] _ metadata:[Metadata] signature_defs:[SignatureDef]",
    "OperatorCode": "deprecated_builtin_code:i8 custom_code:str version:i32=1 builtin_code:i32",
    "SubGraph": "tensors:[Tensor] inputs:[i32] outputs:[i32] operators:[Operator] name:str",
    "Buffer": "data:[u8] offset:u64 size:u64",
    "Tensor": "shape:[i32] type:i8 buffer:u32 name:str quantization:QuantizationParameters "
    "is_variable:bool sparsity:SparsityParameters shape_signature:[i32] has_rank:bool",
    "QuantizationParameters": "min:[f32] max:[f32] scale:[f32] zero_point:[i64] _ _ "
    "quantized_dimension:i32",
    "SparsityParameters": "",
    "Operator": "opcode_index:u32 inputs:[i32] outputs:[i32] builtin_options_type:u8 "
    "builtin_options:*",
    "Metadata": "name:str buffer:u32",
    "SignatureDef": "inputs:[TensorMap] outputs:[TensorMap] signature_key:str _ subgraph_index:u32",
    "TensorMap": "name:str tensor_index:u32",
    # options of operators
    "Conv2DOptions": "padding:i8 stride_w:i32 stride_h:i32 fused_activation_function:i8 "
    "dilation_w_factor:i32=1 dilation_h_factor:i32=1",
    "DepthwiseConv2DOptions": "padding:i8 stride_w:i32 stride_h:i32 depth_multiplier:i32 "
    "fused_activation_function:i8 dilation_w_factor:i32=1 dilation_h_factor:i32=1",
    "Pool2DOptions": "padding:i8 stride_w:i32 stride_h:i32 filter_width:i32 filter_height:i32 "
    "fused_activation_function:i8",
    "FullyConnectedOptions": "fused_activation_function:i8 weights_format:i8 keep_num_dims:bool",
    "SoftmaxOptions": "beta:f32",
    "LocalResponseNormalizationOptions": "radius:i32 bias:f32 alpha:f32 beta:f32",
    "ConcatenationOptions": "axis:i32 fused_activation_function:i8",
    "AddOptions": "fused_activation_function:i8",
    "ResizeBilinearOptions": "_ _ align_corners:bool half_pixel_centers:bool",
    "ReshapeOptions": "new_shape:[i32]",
    "MulOptions": "fused_activation_function:i8",
    "PadOptions": "",
    "GatherOptions": "axis:i32 batch_dims:i32",
    "TransposeOptions": "",
    "ReducerOptions": "keep_dims:bool",
    "SubOptions": "fused_activation_function:i8",
    "DivOptions": "fused_activation_function:i8",
    "SqueezeOptions": "squeeze_dims:[i32]",
    "StridedSliceOptions": "begin_mask:i32 end_mask:i32 ellipsis_mask:i32 new_axis_mask:i32 "
    "shrink_axis_mask:i32 offset:bool",
    "TransposeConvOptions": "padding:i8 stride_w:i32 stride_h:i32 fused_activation_function:i8",
    "PackOptions": "values_count:i32 axis:i32",
    "ResizeNearestNeighborOptions": "align_corners:bool half_pixel_centers:bool",
    "LeakyReluOptions": "alpha:f32",
    "GeluOptions": "approximate:bool",
    # TFLITE_METADATA, another FlatBuffer inside, of tflite_support's metadata_schema.fbs
    "ModelMetadata": "name:str description:str version:str subgraph_metadata:[SubGraphMetadata] "
    "author:str license:str _ min_parser_version:str",
    "SubGraphMetadata": "name:str description:str input_tensor_metadata:[TensorMetadata] "
    "output_tensor_metadata:[TensorMetadata]",
    "TensorMetadata": "name:str description:str _ _ _ _ associated_files:[AssociatedFile]",
    "AssociatedFile": "name:str description:str type:i8",
}
# members of the union of options
UNION = {
    "Conv2DOptions": 1,
    "DepthwiseConv2DOptions": 2,
    "Pool2DOptions": 5,
    "FullyConnectedOptions": 8,
    "SoftmaxOptions": 9,
    "ConcatenationOptions": 10,
    "AddOptions": 11,
    "LocalResponseNormalizationOptions": 13,
    "ResizeBilinearOptions": 15,
    "ReshapeOptions": 17,
    "MulOptions": 21,
    "PadOptions": 22,
    "GatherOptions": 23,
    "TransposeOptions": 26,
    "ReducerOptions": 27,
    "SubOptions": 28,
    "DivOptions": 29,
    "SqueezeOptions": 30,
    "StridedSliceOptions": 32,
    "TransposeConvOptions": 49,
    "PackOptions": 59,
    "ResizeNearestNeighborOptions": 74,
    "LeakyReluOptions": 75,
    "GeluOptions": 116,
}
OPERATORS = {
    "ADD": 0,
    "AVERAGE_POOL_2D": 1,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 4,
    "DEQUANTIZE": 6,
    "FULLY_CONNECTED": 9,
    "LOCAL_RESPONSE_NORMALIZATION": 13,
    "LOGISTIC": 14,
    "MAX_POOL_2D": 17,
    "MUL": 18,
    "RELU": 19,
    "RELU_N1_TO_1": 20,
    "RELU6": 21,
    "RESHAPE": 22,
    "RESIZE_BILINEAR": 23,
    "SOFTMAX": 25,
    "TANH": 28,
    "PAD": 34,
    "GATHER": 36,
    "TRANSPOSE": 39,
    "MEAN": 40,
    "SUB": 41,
    "DIV": 42,
    "SQUEEZE": 43,
    "STRIDED_SLICE": 45,
    "EXP": 47,
    "LOG_SOFTMAX": 50,
    "PRELU": 54,
    "MAXIMUM": 55,
    "MINIMUM": 57,
    "NEG": 59,
    "GREATER": 61,
    "GREATER_EQUAL": 62,
    "SLICE": 65,
    "TRANSPOSE_CONV": 67,
    "EXPAND_DIMS": 70,
    "LOG": 73,
    "SUM": 74,
    "SQRT": 75,
    "RSQRT": 76,
    "SHAPE": 77,
    "REDUCE_MAX": 82,
    "PACK": 83,
    "SQUARE": 92,
    "RESIZE_NEAREST_NEIGHBOR": 97,
    "LEAKY_RELU": 98,
    "SQUARED_DIFFERENCE": 99,
    "ABS": 101,
    "ELU": 111,
    "QUANTIZE": 114,
    "HARD_SWISH": 117,
    "SELECT_V2": 123,
    "GELU": 150,
}
# types of tensors: NumPy's name of each, and what is no number of a float network
TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int8": 9}
SAME, VALID = 0, 1
NONE, RELU, RELU_N1_TO_1, RELU6, TANH = range(5)  # what an operator may do with its own result
MOST_OLD = 127  # operators up to this number stand in OperatorCode.deprecated_builtin_code, too

NUMBERS = {  # NumPy's types of the kinds of numbers
    "u8": "<u1",
    "i8": "<i1",
    "bool": "?",
    "u32": "<u4",
    "i32": "<i4",
    "i64": "<i8",
    "u64": "<u8",
    "f32": "<f4",
}


class Field:
    """A field of a table: its slot, name, kind and default."""

    def __init__(self, slot: int, word: str):
        self.slot = slot
        self.name, kind = word.split(":")
        self.kind, _, default = kind.partition("=")
        self.default = int(default or 0)


def _fields(words: list[str]) -> list[Field]:
    return [Field(slot, word) for slot, word in enumerate(words) if word != "_"]


FIELDS = {table: _fields(words.split()) for table, words in TABLES.items()}
SLOTS = {table: len(words.split()) for table, words in TABLES.items()}
MEMBERS = {number: table for table, number in UNION.items()}
