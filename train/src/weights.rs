//! Weights from elsewhere: a file of `torch.save` or safetensors, and what is said of it.

use crate::error::NsaError;
use crate::files;
use crate::output::tell;
use nsa_core::model::{EncoderConfig, StateDict};
use nsa_torch::TorchError;
use std::path::Path;

/// An encoder's weights, of all that is in the file what fits `config` best.
pub fn read_weights(path: &Path, config: &EncoderConfig) -> Result<StateDict, NsaError> {
    let (file, length) = files::open_plain(path).map_err(files::refusing(path))?;
    let found = nsa_torch::read_weights(file, length, config).map_err(|error| match error {
        TorchError::Io(source) => files::reading(path)(source),
        TorchError::Broken { must, found } => NsaError::File { path: path.into(), must, found },
        TorchError::Weights(source) => NsaError::WeightsFile { path: path.into(), source },
    })?;
    if !found.others.is_empty() {
        tell!("{}: weights of several networks fit; not taken are {}", path.display(), found.others.join("; "));
    }
    Ok(found.state)
}
