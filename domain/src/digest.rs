//! A digest by which equal things are recognised. It is no defence against who wants two things to look equal: all that is
//! digested here belongs to one user, who would deceive nobody else.

/// FNV-1a of 64 bits: the same on every machine and in every version.
#[derive(Clone, Copy, Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Takes in one piece; where it ends counts, too.
    pub fn with(mut self, piece: &[u8]) -> Self {
        for byte in piece.iter().copied().chain((piece.len() as u64).to_le_bytes()) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self
    }

    pub fn finish(self) -> u64 {
        self.0
    }
}
