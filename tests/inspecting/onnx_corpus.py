"""ONNX files that a server must not take, each with a part of the reason it gives.

They are refused by reading alone, before an engine sees them.
"""

from __future__ import annotations

from collections.abc import Callable

from onnx import ModelProto, NodeProto, TensorProto, helper

from tests.inspecting.onnx_graphs import linear, value

Case = tuple[Callable[[], ModelProto], str]
CORPUS: dict[str, Case] = {}


def case(part: str) -> Callable[[Callable[[ModelProto], None]], Callable[[ModelProto], None]]:
    """A right file, changed by the function under this line; `part` is in the refusal."""

    def keep(change: Callable[[ModelProto], None]) -> Callable[[ModelProto], None]:
        def make() -> ModelProto:
            model = linear()
            change(model)
            return model

        CORPUS[change.__name__] = make, part
        return change

    return keep


def _externally(tensor: TensorProto, location: str) -> None:
    tensor.ClearField("float_data")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


@case("external data, in the file '/etc/passwd'")
def external_data_of_another_file(model: ModelProto) -> None:
    _externally(model.graph.initializer[0], "/etc/passwd")


@case("external data, in the file '../../secret'")
def external_data_up_the_tree(model: ModelProto) -> None:
    _externally(model.graph.initializer[0], "../../secret")


@case("external data, in the file ''")
def external_data_at_an_empty_location(model: ModelProto) -> None:
    _externally(model.graph.initializer[0], "")


@case("external data")
def external_data_beside_real_numbers(model: ModelProto) -> None:
    model.graph.initializer[0].external_data.add(key="location", value="weights.bin")


@case("attribute 'value': its numbers are external data")
def external_data_inside_of_an_attribute(model: ModelProto) -> None:
    tensor = helper.make_tensor("t", TensorProto.FLOAT, [1], [1])
    _externally(tensor, "/etc/passwd")
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))


def _branch(nodes: list[NodeProto]) -> object:
    return helper.make_graph(nodes, "branch", [], [value("out", 1)])


@case("('If'): control flow is not run")
def control_flow(model: ModelProto) -> None:
    branch = _branch([helper.make_node("Identity", ["x"], ["out"])])
    node = helper.make_node("If", ["cond"], ["y"], then_branch=branch, else_branch=branch)
    model.graph.node.append(node)


@case("holds a graph or another thing that is run")
def a_graph_hidden_in_a_plain_operator(model: ModelProto) -> None:
    branch = _branch([helper.make_node("Identity", ["x"], ["out"])])
    model.graph.node[0].attribute.append(helper.make_attribute("body", branch))


@case("holds a graph or another thing that is run")
def a_graph_behind_another_type(model: ModelProto) -> None:
    attribute = helper.make_attribute("axis", 1)
    attribute.g.CopyFrom(_branch([]))
    model.graph.node[0].attribute.append(attribute)


@case("('Loop'): control flow is not run")
def a_loop(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("Loop", ["m", "c"], ["y"], body=_branch([])))


@case("an operator of the domain 'com.evil'")
def a_custom_operator(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("Steal", ["x"], ["y"], domain="com.evil"))
    model.opset_import.append(helper.make_opsetid("com.evil", 1))


@case("an operator of the domain 'com.microsoft'")
def an_operator_of_the_engine_alone(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft"))


@case("('RandomNormal'): not one that is run")
def random_numbers(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("RandomNormal", [], ["y"], shape=[3]))


@case("(did you mean MatMul?)")
def a_misspelt_operator(model: ModelProto) -> None:
    model.graph.node[0].op_type = "MatMull"


@case("found functions of its own")
def functions_of_its_own(model: ModelProto) -> None:
    nodes = [helper.make_node("Relu", ["a"], ["b"])]
    opsets = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("mine", "F", ["a"], ["b"], nodes, opsets))


@case("needs 1000000000000 numbers of float32; the file holds 6")
def a_huge_tensor_by_its_shape_alone(model: ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [10**6, 10**6]


@case("expected at most 8 axes of sizes from 0")
def a_shape_that_overflows(model: ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [2**62, 2**62]


@case("expected at most 8 axes of sizes from 0")
def a_negative_shape(model: ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [-2, -3]


@case("found shape a list of 100")
def a_shape_of_a_hundred_axes(model: ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [1] * 100


@case("needs 6 numbers of float32; the file holds 5.5")
def half_a_number_missing(model: ModelProto) -> None:
    model.graph.initializer[0].ClearField("float_data")
    model.graph.initializer[0].raw_data = b"\x00" * 22


@case("found numbers in float_data and raw_data")
def numbers_in_two_places(model: ModelProto) -> None:
    model.graph.initializer[0].raw_data = b"\x00" * 24


@case("found numbers in float_data; expected int64 in raw_data")
def numbers_of_another_type(model: ModelProto) -> None:
    model.graph.initializer[0].data_type = TensorProto.INT64


@case("found data type 8")
def text_for_numbers(model: ModelProto) -> None:
    model.graph.initializer.append(helper.make_tensor("t", TensorProto.STRING, [1], ["a"]))


@case("found data type 99")
def a_type_that_does_not_exist(model: ModelProto) -> None:
    model.graph.initializer[0].data_type = 99


@case("holds NaN")
def nan_weights(model: ModelProto) -> None:
    model.graph.initializer[0].float_data[3] = float("nan")


@case("holds infinite numbers")
def infinite_weights(model: ModelProto) -> None:
    model.graph.initializer[0].float_data[3] = float("inf")


@case("holds NaN")
def nan_in_half_precision(model: ModelProto) -> None:
    tensor = TensorProto(name="h", data_type=TensorProto.FLOAT16, dims=[2], int32_data=[0x7E00, 0])
    model.graph.initializer.append(tensor)


@case("found a segment of a larger tensor")
def a_segment(model: ModelProto) -> None:
    model.graph.initializer[0].segment.begin = 0


@case("stands twice or has no name")
def the_same_tensor_twice(model: ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


@case("found sparse or annotated tensors")
def a_sparse_tensor(model: ModelProto) -> None:
    model.graph.sparse_initializer.add().dims[:] = [10**9]


@case("found opset 9; expected 13 to 23")
def an_old_opset(model: ModelProto) -> None:
    model.opset_import[0].version = 9


@case("found opset 999; expected 13 to 23")
def an_opset_of_the_future(model: ModelProto) -> None:
    model.opset_import[0].version = 999


@case("found IR version 99")
def an_ir_of_the_future(model: ModelProto) -> None:
    model.ir_version = 99


@case("no ONNX file: it has no graph")
def no_graph(model: ModelProto) -> None:
    model.ClearField("graph")


@case("found 10003 node entries; expected at most 10000")
def too_many_nodes(model: ModelProto) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    model.graph.node.extend([node] * 10_002)


@case("more than 64 inputs, outputs or attributes")
def a_node_with_too_many_inputs(model: ModelProto) -> None:
    model.graph.node[0].input.extend(["x"] * 100)


@case("characters of metadata; expected at most")
def megabytes_of_metadata(model: ModelProto) -> None:
    model.metadata_props.add(key="k", value="x" * 2**21)


@case("input 'x': found float64; expected a tensor of float32, int64, bool")
def an_input_of_doubles(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE


@case("input 'x': no shape")
def an_input_without_shape(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.ClearField("shape")


@case("found shape [5, 3]; expected exactly one dynamic axis")
def a_fixed_batch(model: ModelProto) -> None:
    model.graph.input[0].CopyFrom(value("x", 5, 3))


@case("found shape [batch, batch]; expected exactly one dynamic axis")
def two_free_axes(model: ModelProto) -> None:
    model.graph.input[0].CopyFrom(value("x", "batch", "length"))


@case("found 1000000000 numbers per row; expected at most")
def rows_of_a_thousand_million_numbers(model: ModelProto) -> None:
    model.graph.input[0].CopyFrom(value("x", "batch", 10**9))


@case("found no inputs or no outputs")
def no_outputs(model: ModelProto) -> None:
    model.graph.ClearField("output")


@case("x stands twice among the inputs and outputs")
def an_input_that_is_an_output(model: ModelProto) -> None:
    model.graph.output.append(value("x", "batch", 3))


@case("expected a name")
def a_name_that_is_a_path(model: ModelProto) -> None:
    model.graph.input[0].name = "../../etc/passwd"
    model.graph.node[0].input[0] = "../../etc/passwd"


@case("expected printable text")
def a_name_of_control_letters(model: ModelProto) -> None:
    model.graph.input[0].name = model.graph.node[0].input[0] = "x\x1b[31m"
