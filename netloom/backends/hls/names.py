"""What a generated C++ name may not be."""

from __future__ import annotations

from netloom.backends.names import words

RESERVED = words(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
    class compl const const_cast constexpr continue decltype default delete do double dynamic_cast
    else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast return short signed sizeof static static_assert static_cast struct switch
    template this thread_local throw true try typedef typeid typename union unsigned using virtual
    void volatile wchar_t while xor xor_eq
    """
)
"""Keywords of C++14 (ISO/IEC 14882:2014, 2.11 and 2.5)."""

USED = words(
    """
    i index mantissa number main std component design inputs outputs input output testbench bridge
    harness types abs min max log exp sin cos tan sqrt pow round errno stdin stdout stderr assert
    linux unix major minor makedev complex signbit isnan isinf isfinite offsetof alloca in out
    """
)
"""What the generated text refers to beside its own parameters, and what headers define."""
