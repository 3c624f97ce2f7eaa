//! Tensors.

use super::FrameError;
use crate::shm::SharedFrame;

/// A dense array for models: row-major elements in shared immutable memory.
#[derive(Debug, Clone)]
pub struct Tensor {
    memory: SharedFrame,
    element_type: ElementType,
    shape: Vec<usize>,
}

/// What a tensor's elements are, native-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ElementType {
    /// 8-bit unsigned.
    U8,
    /// 32-bit signed.
    I32,
    /// 64-bit signed.
    I64,
    /// 32-bit floating point.
    F32,
}

impl Tensor {
    /// Interprets memory as a tensor.
    ///
    /// # Errors
    /// [`FrameError::Length`] unless the memory is exactly as long as the shape needs.
    pub fn new(
        memory: SharedFrame,
        element_type: ElementType,
        shape: Vec<usize>,
    ) -> Result<Self, FrameError> {
        let elements = shape.iter().try_fold(element_type.size(), |all, side| all.checked_mul(*side));
        let (got, needed) = (memory.bytes().len(), elements.unwrap_or(usize::MAX));
        if got != needed {
            return Err(FrameError::Length { got, needed });
        }
        Ok(Self { memory, element_type, shape })
    }

    /// Returns the memory that holds the elements.
    pub fn memory(&self) -> &SharedFrame {
        &self.memory
    }

    /// Returns what the elements are.
    pub fn element_type(&self) -> ElementType {
        self.element_type
    }

    /// Returns the sides, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
}

impl ElementType {
    /// Returns the bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I32 | Self::F32 => 4,
            Self::I64 => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_needs_exactly_the_memory_of_its_shape() {
        let make = |bytes| Tensor::new(SharedFrame::from_vec(vec![0; bytes]), ElementType::F32, vec![2, 3]);
        assert!(make(24).is_ok());
        assert_eq!(make(23).expect_err("short"), FrameError::Length { got: 23, needed: 24 });
        assert!(make(25).is_err());
    }

    #[test]
    fn a_shape_beyond_memory_is_refused() {
        let tensor = Tensor::new(SharedFrame::from_vec(vec![]), ElementType::I64, vec![usize::MAX, 2]);
        assert!(tensor.is_err());
    }
}
