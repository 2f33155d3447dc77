use super::*;
use burn_flex::Flex;
use nsa_core::config::{Norm, Objective};
use nsa_core::model::{Arch, NetworkConfig, Pretrained, save_weights};
use std::collections::BTreeSet;

/// The model of a new network with a projector, with these outputs.
fn model(norm: Norm, layers: &[(Layer, Option<usize>)]) -> Model {
    let config = NetworkConfig { width: 2, objective: Objective::Simsiam, norm, ..Default::default() };
    let bytes = save_weights(&config.init::<Flex>(1, &Default::default())).unwrap();
    let state = StateDict::from_safetensors(&bytes).unwrap();
    of_state(config.encoder(), norm, state, layers)
}

fn of_state(config: EncoderConfig, norm: Norm, state: StateDict, layers: &[(Layer, Option<usize>)]) -> Model {
    let network = Pretrained::<Flex>::load(config, norm, state, &Default::default()).unwrap();
    let weights = network.into_folded_weights().unwrap();
    let encoder = Encoder { config, pixels: config.stem.pixels(), norm_f: norm.on_encoder(), weights };
    let bytes = encoder.into_onnx(layers, &[("input", "pixels in 0..1".into())]).unwrap();
    Model::decode(bytes.as_slice()).unwrap()
}

fn count(graph: &Graph, kind: &str) -> usize {
    graph.node.iter().filter(|node| node.op_type == kind).count()
}

/// Every node reads what stands before it, nothing is given twice, and constants are as long as their sizes say.
fn assert_sound(graph: &Graph) {
    let mut known: BTreeSet<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    for tensor in &graph.initializer {
        assert!(known.insert(&tensor.name), "{} twice", tensor.name);
        let values: i64 = tensor.dims.iter().product();
        let bytes = if tensor.data_type == FLOAT { 4 } else { 8 };
        assert_eq!(values as usize * bytes, tensor.raw_data.len(), "{}", tensor.name);
    }
    for node in &graph.node {
        assert!(node.input.iter().all(|input| known.contains(input.as_str())), "{} reads {:?}", node.name, node.input);
        assert!(known.insert(&node.output[0]), "{} twice", node.output[0]);
    }
    assert!(graph.output.iter().all(|output| known.contains(output.name.as_str())));
}

#[test]
fn a_model_has_the_outputs_asked_for_and_what_they_need() {
    let graph = model(Norm::Both, &[(Layer::EMBEDDING, Some(16)), (Layer::Head(3), Some(64))]).graph.unwrap();
    assert_sound(&graph);
    // 17 convolutions of blocks and stem, 3 of shortcuts; no batch norm is left.
    assert_eq!((count(&graph, "Conv"), count(&graph, "Gemm"), count(&graph, "BatchNormalization")), (20, 3, 0));
    assert_eq!(count(&graph, "GlobalAveragePool"), 1);
    assert_eq!(graph.output.iter().map(|output| output.name.as_str()).collect::<Vec<_>>(), ["conv4-1x1", "head3"]);
    // With norm on f the projector sees the unit embedding.
    let gemm = |graph: &Graph| graph.node.iter().find(|node| node.op_type == "Gemm").unwrap().input[0].clone();
    assert_eq!(gemm(&graph), UNIT_EMBEDDING);
    let plain = model(Norm::G, &[(Layer::Head(1), Some(64))]).graph.unwrap();
    assert_eq!((gemm(&plain), count(&plain, "Sqrt")), ("conv4-1x1".into(), 0));

    let early = model(Norm::None, &[(Layer::Flat(1), None)]).graph.unwrap();
    assert_sound(&early);
    assert_eq!((count(&early, "Conv"), count(&early, "Gemm"), count(&early, "GlobalAveragePool")), (5, 0, 0));
}

#[test]
fn a_model_says_what_it_is_given_and_gives() {
    let model = model(Norm::None, &[(Layer::Flat(1), None), (Layer::Pooled(2), Some(4))]);
    assert_eq!(model.metadata_props[0].key, "input");
    let graph = model.graph.unwrap();
    let sizes = |info: &ValueInfo| -> Vec<String> {
        let tensor = info.kind.clone().unwrap().tensor.unwrap();
        assert_eq!(tensor.elem_type, FLOAT);
        let text = |dim: &proto::Dimension| dim.name.clone().unwrap_or_else(|| dim.value.unwrap().to_string());
        tensor.shape.unwrap().dim.iter().map(text).collect()
    };
    assert_eq!(sizes(&graph.input[0]), ["n", "3", "height", "width"]);
    assert_eq!(graph.output.iter().map(sizes).collect::<Vec<_>>(), [["n", "values"], ["n", "4"]]);
    let constant = |name: &str| graph.initializer.iter().find(|tensor| tensor.name == name).unwrap().raw_data.clone();
    assert_eq!(constant("pixels.mean"), 0.5_f32.to_le_bytes().repeat(3));
    assert_eq!(constant("pixels.std"), 0.25_f32.to_le_bytes().repeat(3));
}

/// Deep SVDD's images lose their contrast in the model, too.
#[test]
fn a_network_that_takes_contrast_out_does_so_in_its_model() {
    let config = NetworkConfig { width: 2, objective: Objective::DeepSvdd, ..Default::default() };
    let saved = save_weights(&config.init::<Flex>(1, &Default::default())).unwrap();
    let graph = |contrast| {
        let state = StateDict::from_safetensors(&saved).unwrap();
        let network = Pretrained::<Flex>::load(config.encoder(), Norm::None, state, &Default::default()).unwrap();
        let weights = network.into_folded_weights().unwrap();
        let pixels = PixelNorm { contrast, ..PixelNorm::CIFAR };
        let encoder = Encoder { config: config.encoder(), pixels, norm_f: false, weights };
        let bytes = encoder.into_onnx(&[(Layer::EMBEDDING, Some(16))], &[]).unwrap();
        Model::decode(bytes.as_slice()).unwrap().graph.unwrap()
    };
    let read_by_conv1 =
        |graph: &Graph| graph.node.iter().find(|node| node.name == "conv1.out").unwrap().input[0].clone();
    let (with, without) = (graph(true), graph(false));
    assert_sound(&with);
    assert_eq!((count(&with, "ReduceMean"), count(&without, "ReduceMean")), (2, 0));
    assert_eq!((read_by_conv1(&with), read_by_conv1(&without)), ("contrast.normalized".into(), "pixels.scaled".into()));
}

#[test]
fn bottlenecks_and_the_imagenet_stem_have_their_strides() {
    let config = EncoderConfig { arch: Arch::Resnet50, stem: Stem::Imagenet, width: 2 };
    let network = nsa_core::model::ResNet::<Flex>::new(config, &Default::default());
    let state = nsa_core::model::state_of(&network).unwrap();
    let graph = of_state(config, Norm::None, state, &[(Layer::Flat(4), None)]).graph.unwrap();
    assert_sound(&graph);
    assert_eq!((count(&graph, "Conv"), count(&graph, "MaxPool"), count(&graph, "Add")), (53, 1, 16));
    let strides = |name: &str| {
        let node = graph.node.iter().find(|node| node.name == format!("{name}.out")).unwrap();
        node.attribute.iter().find(|attribute| attribute.name == "strides").unwrap().ints[0]
    };
    let found = ["conv1", "layer2.0.conv1", "layer2.0.conv2", "layer2.0.downsample.0", "layer2.1.conv2"].map(strides);
    assert_eq!(found, [2, 1, 2, 2, 1]);
}

#[test]
fn weights_that_are_missing_are_named() {
    let config = NetworkConfig::default().encoder();
    let encoder = Encoder { config, pixels: PixelNorm::CIFAR, norm_f: false, weights: StateDict::default() };
    let error = encoder.into_onnx(&[(Layer::Flat(1), None)], &[]).unwrap_err().to_string();
    assert!(error.contains("'conv1.weight' is missing"), "{error}");
}
