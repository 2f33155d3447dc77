//! `nsa ensemble`: several scores of the same images as one (section 2.5, appendix C).

use super::arrays::refused;
use crate::cli::EnsembleArgs;
use crate::error::NsaError;
use crate::files::Output;
use crate::npy;
use crate::output::tell;
use nsa_core::score::{Bank, Scorer, ensemble};
use std::path::{Path, PathBuf};

/// Scores by every member, and writes the sum.
pub fn run(args: &EnsembleArgs) -> Result<(), NsaError> {
    let (banks, queries, scorers) = (args.bank.len(), args.query.len(), args.scorer.len());
    if banks != queries || banks != scorers {
        return Err(NsaError::Usage(format!(
            "every member needs --bank, --query and --scorer, in the same order: found {banks}, {queries} and {scorers}"
        )));
    }
    if let Some(other) = args.scorer.iter().find(|scorer| !Scorer::ANGULAR.contains(scorer)) {
        let angular = Scorer::ANGULAR.map(Scorer::name).join(", ");
        return Err(NsaError::Usage(format!("an ensemble is of {angular}, found {other}")));
    }
    let inputs: Vec<&Path> = args.bank.iter().chain(&args.query).map(PathBuf::as_path).collect();
    let output = Output::new(&args.out, &npy::SCORES, args.overwrite.force, &inputs)?;
    let mut members = Vec::with_capacity(banks);
    for ((bank_file, query_file), &scorer) in args.bank.iter().zip(&args.query).zip(&args.scorer) {
        let (bank, query) = (npy::read_features(bank_file)?, npy::read_features(query_file)?);
        let member = Bank::fit(&bank)
            .and_then(|bank| Ok((bank.score(scorer, scorer.default_k(), &query)?, bank.training_range(scorer)?)));
        members.push(member.map_err(refused(&[bank_file, query_file]))?);
    }
    let files: Vec<_> = args.query.iter().collect();
    let scores = ensemble(&members).map_err(refused(&files))?;
    npy::write_f32(&output, &[scores.len()], &scores)?;
    tell!("{} scores by an ensemble of {banks} written to {}", scores.len(), args.out.display());
    Ok(())
}
