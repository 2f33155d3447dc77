//! `nsa eval`: AUROC of a run by layer and scorer, on the whole test set.

use super::{choose, choose_scorers, print, print_json};
use crate::cli::EvalArgs;
use crate::device::{DeviceJob, on_device};
use crate::error::NsaError;
use crate::evaluate::features;
use crate::progress::Progress;
use crate::trained::Trained;
use burn::tensor::backend::Backend;
use nsa_core::eval::{RocSummary, summarize};
use nsa_core::score::{Bank, Scorer};
use serde_json::json;

/// Prints the table, or JSON.
pub fn run(args: &EvalArgs) -> Result<(), NsaError> {
    let trained = Trained::open(&args.run, args.root.as_deref())?;
    let scorers = choose_scorers(&args.scorers)?;
    let rows = on_device(args.device, Job { trained: &trained, layers: &args.layers, scorers: &scorers })?;
    if args.json {
        let rows = rows.iter().map(|row| {
            let scores = scorers.iter().zip(&row.summaries).map(|(scorer, s)| {
                json!({"scorer": scorer, "auroc": s.auroc, "aupr_in": s.aupr_in, "aupr_out": s.aupr_out, "fpr95": s.fpr95})
            });
            json!({"layer": row.layer, "dim": row.dim, "rank": row.rank, "scores": scores.collect::<Vec<_>>()})
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    let mut table = format!("{:<12}{:>8}{:>8}", "layer", "dim", "rank");
    scorers.iter().for_each(|scorer| table += &format!("{scorer:>12}"));
    table += "    AUROC in percent\n";
    for row in rows {
        table += &format!("{:<12}{:>8}{:>8}", row.layer, row.dim, row.rank);
        row.summaries.iter().for_each(|s| table += &format!("{:>12.2}", 100.0 * s.auroc));
        table += "\n";
    }
    print(&table)
}

struct Job<'a> {
    trained: &'a Trained,
    layers: &'a str,
    scorers: &'a [Scorer],
}

struct Row {
    layer: String,
    dim: usize,
    rank: usize,
    summaries: Vec<RocSummary>,
}

impl DeviceJob for Job<'_> {
    type Output = Vec<Row>;

    fn run<B: Backend>(self, device: B::Device, _: &str) -> Result<Vec<Row>, NsaError> {
        let network = self.trained.network::<B>(&device)?;
        let known = network.layer_names();
        let layers = choose("layers", self.layers, &known)?;
        let (train, id, ood) = (&self.trained.train, &self.trained.id, &self.trained.ood);
        let mut progress = Progress::new("evaluating", layers.len() * (train.len() + id.len() + ood.len()));
        // A layer at a time: flat maps of a whole test set do not fit in memory together.
        let mut rows = Vec::new();
        for layer in layers {
            let mut embed = |images| features(&network, images, &[layer], &device, |n| progress.advance(n));
            let (train, id, ood) = (embed(train)?.remove(0), embed(id)?.remove(0), embed(ood)?.remove(0));
            let bank = Bank::fit(&train)?;
            let mut summaries = Vec::new();
            for scorer in self.scorers {
                summaries.push(summarize(&bank.score(*scorer, 1, &id)?, &bank.score(*scorer, 1, &ood)?)?);
            }
            rows.push(Row { layer: layer.into(), dim: train.dim(), rank: bank.rank(), summaries });
        }
        progress.finish();
        Ok(rows)
    }
}
