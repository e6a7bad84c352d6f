/// GraphDef: a network as data. Readers of files yield it, build_network() makes layers of it.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>
#include <weir/core/element.hpp>
#include <weir/core/memory/shared_floats.hpp>
#include <weir/core/shape.hpp>

namespace weir {

/// A constant: float32 (halves and doubles are converted when read) or int64 (all integer and bool types).
struct Constant {
  Shape shape;
  SharedFloats floats;             ///< used if !is_int
  std::vector<std::int64_t> ints;  ///< used if is_int
  bool is_int = false;
  Element element = Element::float32;  ///< uint8, int8 or int32 where the file has that type; float32 for all others
  int type = 0;  ///< what the file says, by the numbers of TensorProto.DataType; 0 where there is no file
};

/// Value of a node's attribute, as ONNX knows them.
using Attribute =
    std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>, Constant>;

/// One operator of the graph. An empty input name is an optional input that was left out.
struct NodeDef {
  std::string name;  ///< may be empty in the file; readers then set "<op>_<index>"
  std::string op;    ///< ONNX operator type: "Conv"; of other domains "com.microsoft::Gelu"
  std::vector<std::string> inputs, outputs;
  std::map<std::string, Attribute> attributes;
};

/// An input of the network; a dimension of -1 is free (dim_names says what the file calls it, else "").
struct InputDef {
  std::string name;
  std::vector<std::int64_t> dims;
  std::vector<std::string> dim_names;
  Element element = Element::float32;  ///< or uint8, int8: callers give floats, which are rounded and saturated
  int type = 0;                        ///< as Constant::type
};

struct GraphDef {
  std::string source;                         ///< file name, for messages
  int opset = 13;                             ///< of the default operator domain
  std::vector<NodeDef> nodes;                 ///< topologically sorted
  std::map<std::string, Constant> constants;  ///< initialisers by tensor name
  std::vector<InputDef> inputs;               ///< without those that are initialisers
  std::vector<std::string> outputs;
  std::map<std::string, int> types;  ///< of outputs and tensors inside, where the file says them; as Constant::type
  std::vector<std::string> weight_files;  ///< files beside the network that constants were read from, each once
};

}  // namespace weir
