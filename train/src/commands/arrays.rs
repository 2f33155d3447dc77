//! `nsa score`, `analyze` and `auroc`: the core's functions on arrays in files.

use super::print_json;
use crate::cli::{AnalyzeArgs, AurocArgs, ScoreArgs};
use crate::error::NsaError;
use crate::npy;
use nsa_core::eval::summarize;
use nsa_core::score::score_all;
use nsa_core::sphere::compactness;
use serde_json::json;

/// Scores queries against a bank.
pub fn score(args: &ScoreArgs) -> Result<(), NsaError> {
    let (bank, query) = (npy::read_features(&args.bank)?, npy::read_features(&args.query)?);
    let scores = score_all(args.scorer, args.k, &bank, &query)?;
    npy::write_f32(&args.out, &[scores.len()], &scores)?;
    eprintln!("{} scores by {} written to {}", scores.len(), args.scorer, args.out.display());
    Ok(())
}

/// Compactness of features.
pub fn analyze(args: &AnalyzeArgs) -> Result<(), NsaError> {
    let features = npy::read_features(&args.features)?;
    let measured = compactness(&features, args.seed)?;
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
    println!("n                      {}", features.n());
    println!("dim                    {}", features.dim());
    println!("mean resultant length  {:.6}", measured.mean_resultant_length);
    println!("kappa                  {:.3}", measured.kappa);
    println!("MMD^2 to uniform       {:.6}", measured.mmd2);
    println!("effective rank         {:.2}", measured.effective_rank);
    Ok(())
}

/// Detection metrics of two sets of scores.
pub fn auroc(args: &AurocArgs) -> Result<(), NsaError> {
    let summary = summarize(&npy::read_vector(&args.id)?, &npy::read_vector(&args.ood)?)?;
    if args.json {
        return print_json(&json!({
            "auroc": summary.auroc,
            "aupr_in": summary.aupr_in,
            "aupr_out": summary.aupr_out,
            "fpr95": summary.fpr95,
        }));
    }
    println!("AUROC             {:.2} %", 100.0 * summary.auroc);
    println!("AUPR (in)         {:.2} %", 100.0 * summary.aupr_in);
    println!("AUPR (out)        {:.2} %", 100.0 * summary.aupr_out);
    println!("FPR at 95 % TPR   {:.2} %", 100.0 * summary.fpr95);
    Ok(())
}
