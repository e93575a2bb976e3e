-- Fixed-point arithmetic on mantissas, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- A tensor is one std_logic_vector; element 0 is in the least significant bits. An element is a
-- two's complement (signed) or an unsigned integer. Binary points are known to the compiler, which
-- passes them on as shifts, so nothing here depends on them.
--
-- Every function is synthesizable: all parameters but the first are constants in any call.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

package netloom_fx is

  -- What a conversion does with dropped bits; as AMD UG1399 and Siemens "Algorithmic C Datatypes".
  type rounding_t is (
    TRN,          -- toward minus infinity
    TRN_ZERO,     -- toward zero
    RND,          -- to nearest, halves toward plus infinity
    RND_ZERO,     -- to nearest, halves toward zero
    RND_INF,      -- to nearest, halves away from zero
    RND_MIN_INF,  -- to nearest, halves toward minus infinity
    RND_CONV      -- to nearest, halves to the even neighbour
  );

  -- What a conversion does with a value outside the target's range.
  type overflow_t is (
    WRAP,         -- keep the low bits
    SAT,          -- the nearest end of the range
    SAT_ZERO,     -- zero
    SAT_SYM       -- the nearest end of the symmetric range
  );

  -- Element `index` of a tensor whose elements have `width` bits.
  function elem(x : std_logic_vector; index : natural; width : positive) return std_logic_vector;

  -- x * 2**shift modulo 2**width.
  function ext(x : signed; width : positive; shift : natural := 0) return signed;
  function ext(x : unsigned; width : positive; shift : natural := 0) return signed;

  -- a + b and a - b, of equal lengths, modulo 2**length. They stay adders: where one adder alone reads
  -- another one's whole result, Yosys makes a compressor of the two, and that takes more logic.
  function plus(a, b : signed) return signed;
  function minus(a, b : signed) return signed;

  -- x * y, as numeric_std has it.
  function product(x, y : signed) return signed;

  -- The same in pieces of 31 bits of y, for constants: GHDL 2.0 synthesizes none of more than 32 bits.
  function product_in_pieces(x, y : signed) return signed;

  -- x / 2**drop, rounded; one bit wider than the quotient, because rounding may carry.
  function round(x : signed; drop : natural; mode : rounding_t) return signed;

  -- x brought into `width` bits, signed or unsigned.
  function clip(x : signed; width : positive; to_signed : boolean; mode : overflow_t)
    return std_logic_vector;

  -- Both: a number with `drop` more fraction bits than the target (fewer when negative).
  function cast(
    x         : signed;
    drop      : integer;
    width     : positive;
    to_signed : boolean;
    rounding  : rounding_t;
    overflow  : overflow_t
  ) return std_logic_vector;

  function cast(
    x         : unsigned;
    drop      : integer;
    width     : positive;
    to_signed : boolean;
    rounding  : rounding_t;
    overflow  : overflow_t
  ) return std_logic_vector;

  -- Address of x in a table whose first entry belongs to `low`, clipped to 0 .. last.
  function table_index(x : signed; low : signed; last : natural) return natural;

  -- Address by exponent and first `bits` fraction bits of x > 0, clipped to `last`; 0 for x <= 0.
  function float_index(x : signed; bits : natural; last : natural) return natural;

  -- Number of reached thresholds: reached(i) says that threshold i is; they are reached in order.
  function reached_count(reached : std_logic_vector; width : positive) return unsigned;

end package netloom_fx;

package body netloom_fx is

  function elem(x : std_logic_vector; index : natural; width : positive) return std_logic_vector is
    alias bits : std_logic_vector(x'length - 1 downto 0) is x;
  begin
    return bits((index + 1) * width - 1 downto index * width);
  end function elem;

  function ext(x : signed; width : positive; shift : natural := 0) return signed is
    alias    bits   : signed(x'length - 1 downto 0) is x;
    variable result : signed(width - 1 downto 0) := (others => bits(bits'high));
  begin
    if shift = 0 and x'length <= width then
      -- What follows would give the same, but GHDL 2.0 synthesizes no partial assignment of a constant.
      return resize(x, width);
    end if;
    for i in 0 to minimum(shift, width) - 1 loop
      result(i) := '0';
    end loop;
    if shift < width then
      if x'length < width - shift then
        result(shift + x'length - 1 downto shift) := bits;
      else
        result(width - 1 downto shift) := bits(width - shift - 1 downto 0);
      end if;
    end if;
    return result;
  end function ext;

  function ext(x : unsigned; width : positive; shift : natural := 0) return signed is
    alias    bits   : unsigned(x'length - 1 downto 0) is x;
    variable result : signed(width - 1 downto 0) := (others => '0');
  begin
    if shift < width then
      if x'length < width - shift then
        result(shift + x'length - 1 downto shift) := signed(bits);
      else
        result(width - 1 downto shift) := signed(bits(width - shift - 1 downto 0));
      end if;
    end if;
    return result;
  end function ext;

  -- The lowest bit carries nothing; it keeps the result from being the whole of what an adder gives.
  function plus(a, b : signed) return signed is
    variable total : signed(a'length downto 0);
  begin
    total := (a & '1') + (b & '0');
    return total(a'length downto 1);
  end function plus;

  function minus(a, b : signed) return signed is
    variable total : signed(a'length downto 0);
  begin
    total := (a & '1') - (b & '0');
    return total(a'length downto 1);
  end function minus;

  -- The same product by digits of 15 bits in the simulator's own integers: numeric_std adds bit by
  -- bit, and takes a hundred times longer over 25 bits.
  function product_by_digits(x, y : signed) return signed is
    constant DIGIT  : positive := 15;
    constant LENGTH : positive := x'length + y'length;
    constant COUNT  : positive := (LENGTH + DIGIT - 1) / DIGIT;
    type digits_t is array (0 to COUNT - 1) of natural;

    -- Digits of v modulo 2**(COUNT * DIGIT).
    function digits_of(v : signed) return digits_t is
      alias    bits   : signed(v'length - 1 downto 0) is v;
      variable result : digits_t := (others => 0);
      variable weight : natural;
    begin
      for i in result'range loop
        weight := 1;
        for k in 0 to DIGIT - 1 loop
          if bits(minimum(i * DIGIT + k, v'length - 1)) = '1' then
            result(i) := result(i) + weight;
          end if;
          weight := weight + weight;
        end loop;
      end loop;
      return result;
    end function digits_of;

    variable left   : digits_t := digits_of(x);
    variable right  : digits_t := digits_of(y);
    variable sum    : digits_t := (others => 0);
    variable term   : natural;
    variable carry  : natural;
    variable result : signed(LENGTH - 1 downto 0);
  begin
    for i in left'range loop
      carry := 0;
      for k in 0 to COUNT - 1 - i loop
        term       := left(i) * right(k) + sum(i + k) + carry;
        sum(i + k) := term mod 2 ** DIGIT;
        carry      := term / 2 ** DIGIT;
      end loop;
    end loop;
    for i in 0 to LENGTH - 1 loop
      if i mod DIGIT = 0 then
        term := sum(i / DIGIT);
      end if;
      result(i) := '1' when term mod 2 = 1 else '0';
      term      := term / 2;
    end loop;
    return result;
  end function product_by_digits;

  function product(x, y : signed) return signed is
  begin
    -- What follows is not for synthesis, nor for a simulator's undefined bits: those get x * y.
    -- synthesis translate_off
    if x'length + y'length > 24 and not is_x(std_logic_vector(x)) and not is_x(std_logic_vector(y)) then
      return product_by_digits(x, y);
    end if;
    -- synthesis translate_on
    return x * y;
  end function product;

  function product_in_pieces(x, y : signed) return signed is
    constant PIECE  : positive := 31;
    constant LENGTH : positive := x'length + y'length;
    alias    bits   : signed(y'length - 1 downto 0) is y;
    variable low    : signed(LENGTH - 1 downto 0);
    variable high   : signed(LENGTH - PIECE - 1 downto 0);
  begin
    if y'length <= PIECE + 1 then
      return product(x, y);
    end if;
    low  := resize(product(x, signed('0' & bits(PIECE - 1 downto 0))), LENGTH);
    high := product_in_pieces(x, bits(y'length - 1 downto PIECE));
    return low + ext(high, LENGTH, PIECE);
  end function product_in_pieces;

  function round(x : signed; drop : natural; mode : rounding_t) return signed is
    -- One bit is left above the quotient for the carry.
    constant LENGTH   : positive := maximum(x'length, drop + 1) + 1;
    constant value    : signed(LENGTH - 1 downto 0) := resize(x, LENGTH);
    constant floor    : signed(LENGTH - drop - 1 downto 0) := value(LENGTH - 1 downto drop);
    constant negative : std_logic := value(LENGTH - 1);
    variable half     : std_logic := '0';  -- the first dropped bit
    variable rest     : std_logic := '0';  -- any further dropped bit
    variable up       : std_logic;
  begin
    if drop > 0 then
      half := value(drop - 1);
      for i in 0 to drop - 2 loop
        rest := rest or value(i);
      end loop;
    end if;
    case mode is
      when TRN         => up := '0';
      when TRN_ZERO    => up := negative and (half or rest);
      when RND         => up := half;
      when RND_ZERO    => up := half and (rest or negative);
      when RND_INF     => up := half and (rest or not negative);
      when RND_MIN_INF => up := half and rest;
      when RND_CONV    => up := half and (rest or floor(0));
    end case;
    if mode = TRN then
      return floor;
    end if;
    return floor + signed'('0' & up);
  end function round;

  function clip(x : signed; width : positive; to_signed : boolean; mode : overflow_t)
    return std_logic_vector is
    constant LENGTH   : positive := maximum(x'length, width) + 1;
    constant value    : signed(LENGTH - 1 downto 0) := resize(x, LENGTH);
    constant negative : std_logic := value(LENGTH - 1);
    variable fits     : boolean := true;
    variable result   : std_logic_vector(width - 1 downto 0);
  begin
    result := std_logic_vector(value(width - 1 downto 0));
    if mode = WRAP then
      return result;
    end if;
    for i in width to LENGTH - 1 loop
      fits := fits and value(i) = negative;
    end loop;
    if to_signed then
      fits := fits and value(width - 1) = negative;
    else
      fits := fits and negative = '0';
    end if;
    if not fits then
      result := (others => '0');
      if mode /= SAT_ZERO then
        if to_signed then
          result            := (others => not negative);
          result(width - 1) := negative;
        else
          result := (others => not negative);
        end if;
      end if;
    end if;
    if mode = SAT_SYM and to_signed then
      -- Only the lowest mantissa changes: all of its bits below the sign are zero.
      if result(width - 1) = '1' and unsigned(result) = shift_left(to_unsigned(1, width), width - 1) then
        result(0) := '1';
      end if;
    end if;
    return result;
  end function clip;

  function cast(
    x         : signed;
    drop      : integer;
    width     : positive;
    to_signed : boolean;
    rounding  : rounding_t;
    overflow  : overflow_t
  ) return std_logic_vector is
  begin
    if drop > 0 then
      return clip(round(x, drop, rounding), width, to_signed, overflow);
    end if;
    return clip(ext(x, x'length - drop, -drop), width, to_signed, overflow);
  end function cast;

  function cast(
    x         : unsigned;
    drop      : integer;
    width     : positive;
    to_signed : boolean;
    rounding  : rounding_t;
    overflow  : overflow_t
  ) return std_logic_vector is
  begin
    return cast(signed('0' & x), drop, width, to_signed, rounding, overflow);
  end function cast;

  function table_index(x : signed; low : signed; last : natural) return natural is
    -- Wide enough for the difference and for `last`.
    constant LENGTH : positive := maximum(maximum(x'length, low'length) + 1, 33);
    constant offset : signed(LENGTH - 1 downto 0) := resize(x, LENGTH) - resize(low, LENGTH);
  begin
    if offset < 0 then
      return 0;
    elsif offset > last then
      return last;
    end if;
    return to_integer(offset(31 downto 0));
  end function table_index;

  function float_index(x : signed; bits : natural; last : natural) return natural is
    alias    value    : signed(x'length - 1 downto 0) is x;
    variable exponent : natural := 0;
    variable aligned  : unsigned(x'length + bits - 1 downto 0) := (others => '0');
    variable fraction : unsigned(bits downto 0);
  begin
    if value <= 0 then
      return 0;
    end if;
    for i in 0 to x'length - 2 loop
      if value(i) = '1' then
        exponent := i;
      end if;
    end loop;
    -- The leading one moves to the top, the fraction bits follow it.
    aligned(x'length + bits - 1 downto bits) := unsigned(value);
    aligned  := shift_left(aligned, x'length - 1 - exponent);
    fraction := aligned(x'length + bits - 1 downto x'length - 1);
    fraction(bits) := '0';
    return minimum(exponent * 2 ** bits + to_integer(fraction), last);
  end function float_index;

  function reached_count(reached : std_logic_vector; width : positive) return unsigned is
    alias    flags  : std_logic_vector(reached'length downto 1) is reached;
    variable result : unsigned(width - 1 downto 0) := (others => '0');
    variable first  : natural;
  begin
    -- Bit b of the count is set from every odd multiple of 2**b up to the next even one.
    for b in 0 to width - 1 loop
      first := 2 ** b;
      while first <= reached'length loop
        if first + 2 ** b <= reached'length then
          result(b) := result(b) or (flags(first) and not flags(first + 2 ** b));
        else
          result(b) := result(b) or flags(first);
        end if;
        first := first + 2 ** (b + 1);
      end loop;
    end loop;
    return result;
  end function reached_count;

end package body netloom_fx;
