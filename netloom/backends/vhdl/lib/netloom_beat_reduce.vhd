-- Sum, largest or smallest of several beats, channel by channel, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- The result of every BEATS beats is one beat; a sum is modulo 2**OUT_BITS. The next beats come in while a
-- result waits. The rules are those of `Reduce` in core/dataflow.py.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.netloom_fx.all;

entity netloom_beat_reduce is
  generic (
    BEATS     : positive;
    CHANNELS  : positive;
    IN_BITS   : positive;             -- of an element
    IN_SIGNED : boolean;
    OUT_BITS  : positive;             -- at least IN_BITS
    KIND      : string                -- sum, max or min
  );
  port (
    clk       : in  std_logic;
    rst       : in  std_logic;
    in_valid  : in  std_logic;
    in_ready  : out std_logic;
    in_data   : in  std_logic_vector(CHANNELS * IN_BITS - 1 downto 0);
    out_valid : out std_logic;
    out_ready : in  std_logic;
    out_data  : out std_logic_vector(CHANNELS * OUT_BITS - 1 downto 0)
  );
end entity netloom_beat_reduce;

architecture rtl of netloom_beat_reduce is

  -- The elements of a beat, with the bits that they have in the result.
  function widened(v : std_logic_vector) return std_logic_vector is
    variable result : std_logic_vector(CHANNELS * OUT_BITS - 1 downto 0);
    variable value  : std_logic_vector(IN_BITS - 1 downto 0);
    variable wide   : std_logic_vector(OUT_BITS - 1 downto 0);
  begin
    for c in 0 to CHANNELS - 1 loop
      value := elem(v, c, IN_BITS);
      if IN_SIGNED then
        wide := std_logic_vector(ext(signed(value), OUT_BITS));
      else
        wide := std_logic_vector(ext(unsigned(value), OUT_BITS));
      end if;
      result((c + 1) * OUT_BITS - 1 downto c * OUT_BITS) := wide;
    end loop;
    return result;
  end function widened;

  -- Whether a < b, for elements of the result.
  function is_less(a, b : std_logic_vector) return boolean is
  begin
    if IN_SIGNED then
      return signed(a) < signed(b);
    end if;
    return unsigned(a) < unsigned(b);
  end function is_less;

  function combined(a, b : std_logic_vector) return std_logic_vector is
    variable result : std_logic_vector(CHANNELS * OUT_BITS - 1 downto 0);
    variable left   : std_logic_vector(OUT_BITS - 1 downto 0);
    variable right  : std_logic_vector(OUT_BITS - 1 downto 0);
  begin
    for c in 0 to CHANNELS - 1 loop
      left  := elem(a, c, OUT_BITS);
      right := elem(b, c, OUT_BITS);
      if KIND = "sum" then
        left := std_logic_vector(unsigned(left) + unsigned(right));
      elsif is_less(left, right) = (KIND = "max") then
        left := right;
      end if;
      result((c + 1) * OUT_BITS - 1 downto c * OUT_BITS) := left;
    end loop;
    return result;
  end function combined;

  signal n      : natural range 0 to BEATS - 1 := 0;
  signal v      : std_logic := '0';
  signal ready  : std_logic;
  signal fire   : std_logic;
  signal wide   : std_logic_vector(CHANNELS * OUT_BITS - 1 downto 0);
  signal so_far : std_logic_vector(CHANNELS * OUT_BITS - 1 downto 0);
  signal total  : std_logic_vector(CHANNELS * OUT_BITS - 1 downto 0);

begin

  assert KIND = "sum" or KIND = "max" or KIND = "min"
    report "KIND is sum, max or min"
    severity failure;

  assert OUT_BITS >= IN_BITS
    report "a result has at least as many bits as an element"
    severity failure;

  ready     <= '1' when n < BEATS - 1 else not v or out_ready;
  fire      <= in_valid and ready;
  in_ready  <= ready;
  out_valid <= v;

  wide  <= widened(in_data);
  total <= wide when n = 0 else combined(so_far, wide);

  control : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        n <= 0;
        v <= '0';
      else
        if out_ready = '1' then
          v <= '0';
        end if;
        if fire = '1' then
          if n = BEATS - 1 then
            n <= 0;
            v <= '1';
          else
            n <= n + 1;
          end if;
        end if;
      end if;
    end if;
  end process control;

  accumulate : process (clk)
  begin
    if rising_edge(clk) then
      if fire = '1' then
        if n = BEATS - 1 then
          out_data <= total;
        else
          so_far <= total;
        end if;
      end if;
    end if;
  end process accumulate;

end architecture rtl;
