//! An encoder as an ONNX model: pixels as `nsa embed` takes them, to the features that it gives.

mod proto;
#[cfg(test)]
mod tests;

use nsa_core::config::PixelNorm;
use nsa_core::model::{CONTRAST_EPSILON, EncoderConfig, Layer, NORM_EPSILON, StateDict, Stem, WeightsError};
use prost::Message;
use proto::{Attribute, FLOAT, Graph, INT64, Model, Node, Tensor, ValueInfo};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What the model is given.
const PIXELS: &str = "pixels";
/// The embedding divided by its length, as the projector of a network with norm on f sees it.
const UNIT_EMBEDDING: &str = "unit-embedding";
const PIXELS_DOC: &str = "RGB images, N x 3 x H x W, f32 in 0..1: the model scales them itself";

/// An encoder, and the projector behind it where there is one.
pub struct Encoder {
    /// Its shape.
    pub config: EncoderConfig,
    /// How it wants pixels scaled.
    pub pixels: PixelNorm,
    /// Whether the projector sees normalised embeddings.
    pub norm_f: bool,
    /// Its weights, batch norms folded.
    pub weights: StateDict,
}

impl Encoder {
    /// The bytes of a model with an output for each of `layers`: feature maps and their sizes (a map that is flat has
    /// none: it goes with the image's).
    pub fn into_onnx(
        self,
        layers: &[(Layer, Option<usize>)],
        metadata: &[(&str, String)],
    ) -> Result<Vec<u8>, WeightsError> {
        let mut writer =
            Writer { weights: self.weights, graph: Graph { name: "encoder".into(), ..Default::default() } };
        writer.graph.input.push(ValueInfo::new(
            PIXELS,
            vec!["n".into(), 3.into(), "height".into(), "width".into()],
            PIXELS_DOC,
        ));
        let blocks = writer.encoder(&self.config, self.pixels)?;
        // Every map that there is, though not asked for: what no output needs is left out afterwards.
        for (i, block) in (1..).zip(&blocks) {
            let flat = |writer: &mut Writer, x: &str, layer: Layer| {
                writer.node("Flatten", &[x], vec![Attribute::int("axis", 1)], &layer.to_string());
            };
            flat(&mut writer, block, Layer::Flat(i));
            let pooled = writer.node("GlobalAveragePool", &[block], vec![], &format!("pool{i}"));
            flat(&mut writer, &pooled, Layer::Pooled(i));
        }
        writer.unit();
        let embedding = Layer::EMBEDDING.to_string();
        writer.projector(if self.norm_f { UNIT_EMBEDDING } else { &embedding })?;
        for &(layer, dim) in layers {
            let dim = dim.map_or("values".into(), Into::into);
            writer.graph.output.push(ValueInfo::new(
                &layer.to_string(),
                vec!["n".into(), dim],
                "what `nsa embed --layer` gives",
            ));
        }
        Ok(Model::new(writer.pruned(), metadata).encode_to_vec())
    }
}

/// Whether a file is a model that was written here: its first fields say so.
pub fn is_ours(path: &Path) -> bool {
    let ours = Model::beginning();
    let mut begins = vec![0; ours.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut begins)).is_ok() && begins == ours
}

/// Nodes one after the other; each is called by what it gives.
struct Writer {
    weights: StateDict,
    graph: Graph,
}

impl Writer {
    fn node(&mut self, kind: &str, inputs: &[&str], attribute: Vec<Attribute>, output: &str) -> String {
        self.graph.node.push(Node {
            input: inputs.iter().map(|&name| name.into()).collect(),
            output: vec![output.into()],
            name: output.into(),
            op_type: kind.into(),
            attribute,
        });
        output.into()
    }

    fn constant(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        self.graph.initializer.push(Tensor {
            dims: dims.iter().map(|&size| size as i64).collect(),
            data_type: FLOAT,
            name: name.into(),
            raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        });
        name.into()
    }

    /// Weight and bias of a layer, and the weight's sizes.
    fn learned(&mut self, layer: &str) -> Result<([String; 2], Vec<usize>), WeightsError> {
        let names = ["weight", "bias"].map(|part| format!("{layer}.{part}"));
        let [weight, bias] = [self.weights.take(&names[0])?, self.weights.take(&names[1])?];
        self.constant(&names[0], &weight.shape, &weight.values);
        self.constant(&names[1], &bias.shape, &bias.values);
        Ok((names, weight.shape))
    }

    /// A convolution whose padding keeps the size at stride 1.
    fn convolution(&mut self, name: &str, x: &str, stride: i64) -> Result<String, WeightsError> {
        let ([weight, bias], shape) = self.learned(name)?;
        let kernel = shape.last().map_or(1, |&side| side as i64);
        let attributes = vec![
            Attribute::ints("kernel_shape", [kernel; 2]),
            Attribute::ints("strides", [stride; 2]),
            Attribute::ints("pads", [kernel / 2; 4]),
        ];
        Ok(self.node("Conv", &[x, &weight, &bias], attributes, &format!("{name}.out")))
    }

    fn rectified(&mut self, x: &str) -> String {
        self.node("Relu", &[x], vec![], &format!("{x}.relu"))
    }

    /// Pixels as the encoder wants them: what [`PixelNorm::apply`] gives.
    fn scaled(&mut self, pixels: PixelNorm) -> String {
        let mean = self.constant("pixels.mean", &[1, 3, 1, 1], &pixels.mean);
        let std = self.constant("pixels.std", &[1, 3, 1, 1], &pixels.std);
        let centred = self.node("Sub", &[PIXELS, &mean], vec![], "pixels.centred");
        let scaled = self.node("Div", &[&centred, &std], vec![], "pixels.scaled");
        if !pixels.contrast {
            return scaled;
        }
        let epsilon = self.constant("contrast.epsilon", &[1], &[CONTRAST_EPSILON as f32]);
        let mean = self.mean_of_images(&scaled, "contrast.mean");
        let centred = self.node("Sub", &[&scaled, &mean], vec![], "contrast.centred");
        let deviation = self.node("Abs", &[&centred], vec![], "contrast.deviation");
        let contrast = self.mean_of_images(&deviation, "contrast");
        let contrast = self.node("Add", &[&contrast, &epsilon], vec![], "contrast.positive");
        self.node("Div", &[&centred, &contrast], vec![], "contrast.normalized")
    }

    /// The mean of all values of each image.
    fn mean_of_images(&mut self, x: &str, name: &str) -> String {
        self.node("ReduceMean", &[x], vec![Attribute::ints("axes", [1, 2, 3])], name)
    }

    /// What leaves the four layers of blocks.
    fn encoder(&mut self, config: &EncoderConfig, pixels: PixelNorm) -> Result<Vec<String>, WeightsError> {
        let scaled = self.scaled(pixels);
        let x = self.convolution("conv1", &scaled, if config.stem == Stem::Imagenet { 2 } else { 1 })?;
        let mut x = self.rectified(&x);
        if config.stem == Stem::Imagenet {
            let attributes = vec![
                Attribute::ints("kernel_shape", [3; 2]),
                Attribute::ints("strides", [2; 2]),
                Attribute::ints("pads", [1; 4]),
            ];
            x = self.node("MaxPool", &[&x], attributes, "maxpool");
        }
        let mut layers = Vec::new();
        for (i, blocks) in config.arch.blocks().into_iter().enumerate() {
            for block in 0..blocks {
                let stride = if block == 0 && i > 0 { 2 } else { 1 };
                x = self.block(&format!("layer{}.{block}", i + 1), &x, stride, config.arch.bottleneck())?;
            }
            layers.push(x.clone());
        }
        Ok(layers)
    }

    /// Convolutions with a shortcut around them; the stride is the first 3x3 convolution's.
    fn block(&mut self, name: &str, x: &str, stride: i64, bottleneck: bool) -> Result<String, WeightsError> {
        let downsample = format!("{name}.downsample.0");
        let shortcut = match self.weights.shape(&format!("{downsample}.weight")) {
            Some(_) => self.convolution(&downsample, x, stride)?,
            None => x.into(),
        };
        let strides: &[i64] = if bottleneck { &[1, stride, 1] } else { &[stride, 1] };
        let mut x = x.to_string();
        for (i, &stride) in strides.iter().enumerate() {
            if i > 0 {
                x = self.rectified(&x);
            }
            x = self.convolution(&format!("{name}.conv{}", i + 1), &x, stride)?;
        }
        let sum = self.node("Add", &[&x, &shortcut], vec![], &format!("{name}.sum"));
        Ok(self.rectified(&sum))
    }

    /// The embedding divided by its length.
    fn unit(&mut self) {
        self.graph.initializer.push(Tensor {
            dims: vec![1],
            data_type: INT64,
            name: "rows".into(),
            raw_data: 1_i64.to_le_bytes().into(),
        });
        let epsilon = self.constant("epsilon", &[1], &[NORM_EPSILON as f32]);
        let embedding = Layer::EMBEDDING.to_string();
        let square = self.node("Mul", &[embedding.as_str(); 2], vec![], "square");
        let sum = self.node("ReduceSum", &[&square, "rows"], vec![Attribute::int("keepdims", 1)], "square.sum");
        let sum = self.node("Add", &[&sum, &epsilon], vec![], "square.sum.epsilon");
        let length = self.node("Sqrt", &[&sum], vec![], "length");
        self.node("Div", &[&embedding, &length], vec![], UNIT_EMBEDDING);
    }

    /// Every layer of the projector, rectified but for the last.
    fn projector(&mut self, embedding: &str) -> Result<(), WeightsError> {
        let mut x = embedding.to_string();
        let name = |i: usize| format!("projector.layers.{i}.linear");
        let depth = (0..).take_while(|&i| self.weights.shape(&format!("{}.weight", name(i))).is_some()).count();
        for i in 0..depth {
            let ([weight, bias], _) = self.learned(&name(i))?;
            let head = Layer::Head(i as u8 + 1).to_string();
            let linear = if i + 1 < depth { name(i) } else { head.clone() };
            x = self.node("Gemm", &[&x, &weight, &bias], vec![Attribute::int("transB", 1)], &linear);
            if i + 1 < depth {
                x = self.node("Relu", &[&x], vec![], &head);
            }
        }
        Ok(())
    }

    /// The graph without what none of its outputs needs.
    fn pruned(self) -> Graph {
        let mut graph = self.graph;
        let mut needed: Vec<String> = graph.output.iter().map(|output| output.name.clone()).collect();
        // A node's inputs are given by nodes before it.
        for node in graph.node.iter().rev() {
            if needed.contains(&node.output[0]) {
                needed.extend(node.input.iter().cloned());
            }
        }
        graph.node.retain(|node| needed.contains(&node.output[0]));
        graph.initializer.retain(|tensor| needed.contains(&tensor.name));
        graph
    }
}
