//! The ensembles of appendix C: which scores are summed, and what the sum reaches.

use super::validated;
use crate::error::NsaError;
use crate::evaluation::{EnsembleRow, Part};
use nsa_core::eval::summarize;
use nsa_core::model::Layer;
use nsa_core::score::{ScoreError, Scorer, ensemble};
use std::collections::BTreeMap;

/// Scores of all images by one scorer on one map.
pub struct Scored {
    /// Of each set of `Sets::judged`.
    pub scores: [Vec<f32>; 4],
    /// Smallest and largest leave-one-out score of the training images; none where no ensemble asks.
    pub range: [f32; 2],
}

/// The scores of all members, or why one has none, by feature map and scorer.
pub type Members = BTreeMap<(Layer, Scorer), Result<Scored, ScoreError>>;

/// The sums of tables 6-8 over a network's maps, without what they reach.
///
/// A conv block's map is flat before it is pooled, and pooled it is another row, so "all conv blocks" are the flat
/// maps; "all blocks" are "all network internal feature maps": flat, pooled, and the head's. No sum but its own has
/// the centred k-Cos (Mah).
pub fn ensembles(all: &[Layer]) -> Vec<EnsembleRow> {
    use Scorer::{CCos, CCosMah, KCos, KCosMah};
    let those = |keep: fn(&Layer) -> bool| -> Vec<Layer> { all.iter().copied().filter(keep).collect() };
    // The paper calls a conv block before pooling 2-D.
    let flat = those(|layer| matches!(layer, Layer::Flat(_)));
    let heads = those(|layer| matches!(layer, Layer::Head(_)));
    let row = |name: &str, parts: Vec<Part>| EnsembleRow {
        name: name.into(),
        parts,
        validation: None,
        reached: None,
        why: None,
    };
    let sum = |name: &str, layers: &[Layer], scorers: &[Scorer]| {
        row(name, vec![Part { layers: layers.to_vec(), scorers: scorers.to_vec() }])
    };
    let of_flat = Part { layers: flat.clone(), scorers: vec![KCos, KCosMah] };
    let of_heads = Part { layers: heads, scorers: vec![CCos, CCosMah] };
    let pairs: [&[Scorer]; 3] = [&[KCos, KCosMah], &[CCos, CCosMah], &[KCos, KCosMah, CCos, CCosMah]];
    let mut rows = vec![row("ens", vec![of_flat, of_heads])];
    rows.extend(pairs.iter().map(|scorers| sum("all-conv-blocks", &flat, scorers)));
    rows.extend(Scorer::ANGULAR.iter().map(|&scorer| sum("all-blocks", all, &[scorer])));
    rows.extend(pairs.iter().map(|scorers| sum("all-blocks", all, scorers)));
    rows
}

/// Sums the members. A member that failed is never left out: then there is no sum, and it says why.
pub fn reach(mut row: EnsembleRow, members: &Members) -> Result<EnsembleRow, NsaError> {
    let mut sets = [(); 4].map(|()| Vec::new());
    for part in &row.parts {
        for &layer in &part.layers {
            for &scorer in &part.scorers {
                match members.get(&(layer, scorer)) {
                    Some(Ok(scored)) => {
                        for (set, scores) in sets.iter_mut().zip(&scored.scores) {
                            set.push((scores.clone(), scored.range));
                        }
                    }
                    Some(Err(error)) => row.why = Some(format!("{scorer} on {layer}: {error}")),
                    None => row.why = Some(format!("{scorer} on {layer} was not computed")),
                }
            }
        }
    }
    if row.why.is_none() {
        let sums = sets.iter().map(|members| ensemble(members)).collect::<Result<Vec<_>, _>>();
        match sums.as_deref() {
            Ok([id, ood, val_id, val_ood]) => {
                row.reached = Some(summarize(id, ood)?);
                row.validation = validated(val_id, val_ood)?;
            }
            Ok(_) => unreachable!("four sets give four sums"),
            Err(error) => row.why = Some(error.to_string()),
        }
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: [Layer; 5] = [Layer::Flat(1), Layer::Flat(2), Layer::Pooled(1), Layer::Pooled(2), Layer::Head(1)];

    #[test]
    fn the_sums_have_the_members_of_appendix_c() {
        let rows = ensembles(&MAPS);
        let text = |row: &EnsembleRow| {
            let part = |p: &Part| {
                let layers: Vec<String> = p.layers.iter().map(ToString::to_string).collect();
                let scorers: Vec<String> = p.scorers.iter().map(ToString::to_string).collect();
                format!("{}: {}", layers.join(" "), scorers.join(" "))
            };
            row.parts.iter().map(part).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(rows.len(), 12);
        assert_eq!(
            (rows[0].name.as_str(), text(&rows[0])),
            ("ens", "conv1 conv2: k-cos k-cos-mah; head1: c-cos c-cos-mah".into())
        );
        assert_eq!((rows[1].name.as_str(), text(&rows[1])), ("all-conv-blocks", "conv1 conv2: k-cos k-cos-mah".into()));
        let all = "conv1 conv2 conv1-1x1 conv2-1x1 head1: k-cos k-cos-mah c-cos c-cos-mah";
        assert_eq!((rows[11].name.as_str(), text(&rows[11])), ("all-blocks", all.into()));
    }

    #[test]
    fn a_member_that_failed_is_named_and_never_left_out() {
        let scored = || Ok(Scored { scores: [vec![0.0, 1.0], vec![2.0], vec![], vec![]], range: [0.0, 1.0] });
        let mut members = BTreeMap::new();
        for layer in MAPS {
            for scorer in Scorer::ANGULAR {
                members.insert((layer, scorer), scored());
            }
        }
        for row in ensembles(&MAPS) {
            assert_eq!(reach(row, &members).unwrap().reached.unwrap().auroc, 1.0);
        }
        members.insert((Layer::Head(1), Scorer::CCosMah), Err(ScoreError::Constant { n: 2 }));
        for row in ensembles(&MAPS) {
            let has_it =
                row.parts.iter().any(|p| p.layers.contains(&Layer::Head(1)) && p.scorers.contains(&Scorer::CCosMah));
            let row = reach(row, &members).unwrap();
            assert_eq!(row.reached.is_none(), has_it, "{row:?}");
            assert_eq!(row.why.is_some_and(|why| why.starts_with("c-cos-mah on head1: ")), has_it);
        }
    }
}
