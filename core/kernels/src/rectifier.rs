//! The rectifier on plain numbers, for the kernels of the CPU backend.

/// What ends a layer: a cut at zero if `rectify`. Not `max`: what is not a number must stay so.
#[inline(always)]
pub fn rectifier(rectify: bool) -> impl Fn(f32) -> f32 + Copy {
    let least = if rectify { 0.0 } else { f32::NEG_INFINITY };
    move |y| if y < least { least } else { y }
}
