//! Which of the tensors in a file are the encoder's weights.
//!
//! Training scripts save them among other things (`state_dict`, `model`, `state_dict_ema`), with what they wrapped the
//! network in before every name (`module.`, `_orig_mod.`, `backbone.`, `module.encoder_q.`). None of these words is
//! looked for: the names and sizes of a ResNet's own tensors are.

use super::Broken;
use nsa_core::model::EncoderConfig;
use std::collections::BTreeMap;

/// Keys that a message lists.
const LISTED: usize = 6;

/// Tensors that lie together: where, and the name and sizes of each, as the file orders them.
pub(super) struct Candidate<'a> {
    /// The keys that lead there, with points between; empty at the top of the file.
    pub(super) at: String,
    pub(super) tensors: Vec<(&'a str, &'a [usize])>,
}

/// The weights: which candidate, and what stands before each of their names.
#[derive(Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) candidate: usize,
    pub(super) prefix: String,
    /// Other places that fit as well.
    pub(super) others: Vec<String>,
}

/// The first that fits best: with the most tensors of the right name and size, then of the right name.
pub(super) fn choose(candidates: &[Candidate<'_>], config: &EncoderConfig) -> Result<Choice, Broken> {
    let landmarks = config.landmarks();
    let mut found: Vec<(Fit, usize, String)> = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let by_name: BTreeMap<&str, &[usize]> = candidate.tensors.iter().copied().collect();
        for prefix in prefixes(candidate) {
            let mut fit = Fit::default();
            for (name, sizes) in &landmarks {
                let tensor = by_name.get(format!("{prefix}{name}").as_str());
                fit.named += usize::from(tensor.is_some());
                fit.sized += usize::from(tensor.is_some_and(|found| found == sizes));
            }
            // The network that a student learns from is the one that is evaluated.
            fit.taught = ![prefix.as_str(), candidate.at.as_str()].iter().any(|words| words.contains("student"));
            found.push((fit, index, prefix));
        }
    }
    let place = |index: usize, prefix: &str| match (candidates[index].at.as_str(), prefix) {
        ("", "") => "its top".to_string(),
        (at, "") => format!("'{at}'"),
        ("", prefix) => format!("'{prefix}'"),
        (at, prefix) => format!("'{at}', '{prefix}'"),
    };
    // Of equals the first.
    let best = found.iter().map(|(fit, ..)| *fit).max().filter(|fit| fit.named > 0);
    let Some((_, candidate, prefix)) = best.and_then(|best| found.iter().find(|(fit, ..)| *fit == best)) else {
        return Err(nothing_fits(candidates, &landmarks[0].0));
    };
    let as_good = |(fit, index, other): &&(Fit, usize, String)| {
        fit.sized == landmarks.len() && (index, other) != (candidate, prefix)
    };
    let others = found.iter().filter(as_good).map(|(_, index, prefix)| place(*index, prefix)).collect();
    Ok(Choice { candidate: *candidate, prefix: prefix.clone(), others })
}

/// How well tensors fit; the fields count in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    sized: usize,
    named: usize,
    taught: bool,
}

/// What stands before the names of networks that begin as a ResNet does.
fn prefixes(candidate: &Candidate<'_>) -> Vec<String> {
    let mut prefixes: Vec<String> = Vec::new();
    for (key, _) in &candidate.tensors {
        if let Some(prefix) = key.strip_suffix("conv1.weight")
            && (prefix.is_empty() || prefix.ends_with('.'))
            // The convolutions of blocks have that name too.
            && !prefix.contains("layer")
        {
            prefixes.push(prefix.into());
        }
    }
    prefixes
}

/// Says what keys there are, and which of them is nearest to what was looked for.
fn nothing_fits(candidates: &[Candidate<'_>], wanted: &str) -> Broken {
    let keys: Vec<&str> = candidates.iter().flat_map(|c| c.tensors.iter().map(|(key, _)| *key)).collect();
    let shared = |key: &str| key.bytes().rev().zip(wanted.bytes().rev()).take_while(|(a, b)| a == b).count();
    let mut found: Vec<String> = keys.iter().take(LISTED).map(|key| format!("'{key}'")).collect();
    if keys.len() > LISTED {
        found.push(format!("and {} more", keys.len() - LISTED));
    }
    let nearest =
        keys.iter().max_by_key(|key| shared(key)).map_or(String::new(), |key| format!("; nearest is '{key}'"));
    let must = format!("hold the weights of a ResNet, among them '{wanted}', whatever stands before these names");
    Broken(must, found.join(", ") + &nearest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nsa_core::model::{Arch, Stem};

    const CONFIG: EncoderConfig = EncoderConfig { arch: Arch::Resnet18, stem: Stem::Imagenet, width: 4 };

    /// A network's names and sizes, behind a prefix.
    fn network(prefix: &str, config: EncoderConfig) -> Vec<(String, Vec<usize>)> {
        config.landmarks().into_iter().map(|(name, sizes)| (format!("{prefix}{name}"), sizes)).collect()
    }

    /// Names and shapes of a dict's tensors.
    type Shapes = Vec<(String, Vec<usize>)>;

    fn chosen(dicts: &[(&str, Shapes)]) -> Result<Choice, Broken> {
        let candidates: Vec<Candidate<'_>> = dicts
            .iter()
            .map(|(at, tensors)| Candidate {
                at: at.to_string(),
                tensors: tensors.iter().map(|(name, sizes)| (name.as_str(), sizes.as_slice())).collect(),
            })
            .collect();
        choose(&candidates, &CONFIG)
    }

    /// Guards the kind reported as "Missing key(s) in state_dict ... Unexpected key(s)": wrappers' prefixes.
    #[test]
    fn whatever_a_wrapper_puts_before_the_names_is_found() {
        for prefix in
            ["", "module.", "_orig_mod.", "model.", "backbone.", "encoder.", "net.", "model._orig_mod.module.", "0."]
        {
            let choice = chosen(&[("state_dict", network(prefix, CONFIG))]);
            assert_eq!(choice, Ok(Choice { candidate: 0, prefix: prefix.into(), others: vec![] }), "{prefix}");
        }
    }

    /// Guards the kind reported of MoCo's, DINO's and timm's checkpoints: several networks in one file.
    #[test]
    fn of_several_networks_the_first_that_fits_is_taken_and_the_others_told() {
        let other = EncoderConfig { width: 8, ..CONFIG };
        let moco = [network("module.encoder_q.", CONFIG), network("module.encoder_k.", CONFIG)].concat();
        let choice = chosen(&[("", vec![("best_acc1".into(), vec![])]), ("state_dict", moco)]).unwrap();
        assert_eq!((choice.candidate, choice.prefix.as_str()), (1, "module.encoder_q."));
        assert_eq!(choice.others, ["'state_dict', 'module.encoder_k.'"]);
        let dino = [("student", network("module.backbone.", CONFIG)), ("teacher", network("backbone.", CONFIG))];
        assert_eq!(chosen(&dino).unwrap().candidate, 1);
        let sizes = [("state_dict", network("", other)), ("state_dict_ema", network("", CONFIG))];
        assert_eq!(chosen(&sizes), Ok(Choice { candidate: 1, prefix: String::new(), others: vec![] }));
        // One of another size is taken where there is no better: the network says what does not fit.
        assert_eq!(chosen(&sizes[..1]).unwrap().candidate, 0);
    }

    #[test]
    fn if_nothing_fits_the_keys_are_told() {
        let keys = ["features.0.weight", "stages.0.conv2.weight", "head.bias", "a", "b", "c", "d"];
        let vgg = keys.map(|name| (name.to_string(), vec![1])).to_vec();
        let Broken(must, found) = chosen(&[("", vgg)]).unwrap_err();
        assert!(must.contains("among them 'conv1.weight'"), "{must}");
        assert_eq!(
            found,
            "'features.0.weight', 'stages.0.conv2.weight', 'head.bias', 'a', 'b', 'c', and 1 more; nearest is \
             'stages.0.conv2.weight'"
        );
    }
}
