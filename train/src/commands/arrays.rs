//! `nsa score`, `analyze` and `auroc`: the core's functions on arrays in files.

use super::{print, print_json};
use crate::cli::{AnalyzeArgs, AurocArgs, ScoreArgs};
use crate::error::NsaError;
use crate::files::Output;
use crate::memory;
use crate::npy;
use crate::output::tell;
use nsa_core::eval::summarize;
use nsa_core::score::{Scorer, score_all};
use nsa_core::sphere::compactness;
use serde_json::json;
use std::fmt::Display;
use std::path::PathBuf;

/// Scores queries against a bank.
pub fn score(args: &ScoreArgs) -> Result<(), NsaError> {
    let by_neighbours = [Scorer::KCos, Scorer::KCosMah, Scorer::KCosMahCentred, Scorer::KnnL2];
    if args.k.is_some() && !by_neighbours.contains(&args.scorer) {
        let scorers = by_neighbours.map(Scorer::name).join(", ");
        return Err(NsaError::Usage(format!("--k is for {scorers}: it has no effect on {}", args.scorer)));
    }
    let output = Output::new(&args.out, &npy::SCORES, args.overwrite.force, &[&args.bank, &args.query])?;
    let (bank, query) = (npy::read_features(&args.bank)?, npy::read_features(&args.query)?);
    memory::check_scorer(args.scorer, bank.n())?;
    let k = args.k.unwrap_or(args.scorer.default_k());
    let scores = score_all(args.scorer, k, &bank, &query).map_err(refused(&[&args.bank, &args.query]))?;
    npy::write_f32(&output, &[scores.len()], &scores)?;
    tell!("{} scores by {} written to {}", scores.len(), args.scorer, args.out.display());
    Ok(())
}

/// Compactness of features.
pub fn analyze(args: &AnalyzeArgs) -> Result<(), NsaError> {
    let features = npy::read_features(&args.features)?;
    let measured = compactness(&features, args.seed).map_err(refused(&[&args.features]))?;
    if args.json {
        return print_json(&json!({
            "n": features.n(),
            "dim": features.dim(),
            "mean_resultant_length": measured.mean_resultant_length,
            "kappa": measured.kappa,
            "mmd2": measured.mmd2,
            "effective_rank": measured.effective_rank,
        }));
    }
    print(&format!(
        "n                      {}\n\
         dim                    {}\n\
         mean resultant length  {:.6}\n\
         kappa                  {:.3}\n\
         MMD^2 to uniform       {:.6}\n\
         effective rank         {:.2}\n",
        features.n(),
        features.dim(),
        measured.mean_resultant_length,
        measured.kappa,
        measured.mmd2,
        measured.effective_rank,
    ))
}

/// Detection metrics of two sets of scores.
pub fn auroc(args: &AurocArgs) -> Result<(), NsaError> {
    let (id, ood) = (npy::read_vector(&args.id)?, npy::read_vector(&args.ood)?);
    let summary = summarize(&id, &ood).map_err(refused(&[&args.id, &args.ood]))?;
    if args.json {
        return print_json(&json!({
            "auroc": summary.auroc,
            "aupr_in": summary.aupr_in,
            "aupr_out": summary.aupr_out,
            "fpr95": summary.fpr95,
        }));
    }
    print(&format!(
        "AUROC             {:.2} %\n\
         AUPR (in)         {:.2} %\n\
         AUPR (out)        {:.2} %\n\
         FPR at 95 % TPR   {:.2} %\n",
        100.0 * summary.auroc,
        100.0 * summary.aupr_in,
        100.0 * summary.aupr_out,
        100.0 * summary.fpr95,
    ))
}

/// The core does not know which files its numbers came from.
pub fn refused<E: Display>(files: &[&PathBuf]) -> impl Fn(E) -> NsaError {
    let files = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    move |why| NsaError::Arrays { files: files.clone(), why: why.to_string() }
}
